/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * page-settings.js - the automatic reply, what the account can do, how the pages look.
 */
import { session } from './api.js';
import { fill, h, icon } from './dom.js';
import { phone } from './format.js';
import { LANGUAGES, lang, setLang, t } from './i18n.js';
import { THEMES, keyTable } from './ui/account.js';
import './ui/auto-reply.js';
import { channelName } from './ui/avatar.js';
import './ui/connection.js';
import { problemBlock } from './ui/problem.js';
import { setTitle } from './ui/rail.js';
import { section } from './ui/section.js';

function choice(legend, name, options, current, pick) {
  return h('fieldset', { class: 'segments', onchange: event => pick(event.target.value) }, h('legend', { class: 'form-label' }, legend),
    options.map(([value, label, mark]) => h('label', { class: 'segment' },
      h('input', { type: 'radio', name, value, checked: value === current }), mark && icon(mark), h('span', {}, label))));
}

async function account(place) {
  try {
    const who = await session();
    const rows = [['default_from', who.default_from && phone(who.default_from)], ['whatsapp_from', who.whatsapp_from && phone(who.whatsapp_from)],
      ['messaging_service', who.messaging_service], ['chat_mode', t(`mode.${who.chat_mode}`)], ['user', who.user], ['tenant', who.tenant], ['version', who.version]];
    fill(place, h('dl', { class: 'facts' }, rows.map(([name, value]) =>
      [h('dt', {}, t(`account.${name}`, { channel: channelName('whatsapp') })), h('dd', { class: value ? null : 'quiet' }, value || t('account.not_set'))])));
  } catch (error) {
    fill(place, problemBlock(error, () => account(place)));
  }
}

const facts = h('div', {}, h('div', { class: 'skeleton-lines' }, Array.from({ length: 4 }, () => h('span', { class: 'skeleton' }))));
const shortcuts = h('div', {});
setTitle(t('nav.settings'));
fill(document.getElementById('main'),
  h('header', { class: 'top' }, h('h1', {}, t('nav.settings')), document.createElement('tw-connection')),
  document.createElement('tw-banner'),
  h('div', { class: 'page settings' },
    section('set-auto', t('auto.title'), t('settings.auto'), document.createElement('tw-auto-reply')),
    section('set-look', t('settings.look'), t('settings.look.text'),
      choice(t('settings.theme'), 'theme', THEMES.map(([name, mark]) => [name, t(`theme.${name}`), mark]), window.twchatTheme.get(), window.twchatTheme.set),
      choice(t('settings.language'), 'lang', Object.entries(LANGUAGES), lang(), setLang)),
    section('set-account', t('settings.account'), t('settings.account.text'), facts),
    section('set-keys', t('keys.title'), t('settings.keys'), shortcuts)));
fill(shortcuts, keyTable());
account(facts);
