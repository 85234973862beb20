/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * page-problem.js - in place of a page that is not for the reader, not there, or not to be had now. The server wrote into the
 * page which of them it is.
 */
import { session, url } from './api.js';
import { fill, h, icon } from './dom.js';
import { known, said, t } from './i18n.js';
import './ui/connection.js';
import { setTitle } from './ui/rail.js';

const { status, code, detail } = document.body.dataset;
const MARKS = { 403: 'ban', 404: 'search', 429: 'clock', 503: 'retry' };
const passes = status === '429' || status === '503';

/** The words for this code, else for this status. who: null as long as nobody knows. */
function words(who) {
  if (code === 'role_too_low') return who && t(who.role === 'none' ? 'refused.no_role' : 'refused.role_too_low', { role: t(`role.${who.role}`) });
  if (known(`refused.${code}`)) return t(`refused.${code}`);
  return known(`refused.${status}.text`) ? t(`refused.${status}.text`) : said(detail);
}

/* Where to go from here: on for who may, to their account for who has no role, to the sign-in page for who is nobody. */
function ways(who) {
  if (passes) return h('button', { type: 'button', class: 'btn btn-accent', onclick: () => location.reload() }, icon('retry'), t('action.try_again'));
  if (!who) return null;
  if (!who.user) return h('a', { class: 'btn btn-accent', href: url('signin') }, t('action.sign_in'));
  if (who.role === 'none') return who.account && h('a', { class: 'btn btn-accent', href: url('account') }, icon('user'), t('nav.account'));
  return h('a', { class: 'btn btn-accent', href: url('.') }, icon('dashboard'), t('refused.home'));
}

const block = h('div', { class: 'empty', role: 'alert' });
const show = who => fill(block, h('span', { class: 'empty-mark' }, icon(MARKS[status])), h('h2', {}, t(`refused.${status}.title`)), h('p', {}, words(who)), ways(who));

setTitle(t(`refused.${status}`));
fill(document.getElementById('main'), h('header', { class: 'top' }, h('h1', {}, t(`refused.${status}`)), document.createElement('tw-connection')),
  document.createElement('tw-banner'), h('div', { class: 'page' }, block));
show(null);
session().then(show, () => show({ role: 'none' }));
