/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * account.js - the button of the person signed in: theme, language, shortcuts.
 */
import { session, signOut, url } from '../api.js';
import { h, icon } from '../dom.js';
import { hue, initials } from '../format.js';
import { LANGUAGES, lang, setLang, t } from '../i18n.js';
import * as keys from '../keys.js';
import { openDialog } from './dialog.js';
import { attachMenu } from './menu.js';

export const THEMES = [['system', 'screen'], ['light', 'sun'], ['dark', 'moon']];

/** All shortcuts of this page. */
export function showKeys() {
  return openDialog(t('keys.title'), () => h('div', { class: 'sheet-body' }, keyTable()));
}

export function keyTable() {
  return h('dl', { class: 'keys' }, keys.list().map(([combo, label]) => [
    h('dt', {}, combo.split(' ').map(key => h('kbd', {}, key))), h('dd', {}, label)]));
}

function leave() {
  signOut().catch(() => { /* signed out already, or Apache asks again anyway */ }).finally(() => { location.href = url('signin'); });
}

function items(who) {
  const theme = window.twchatTheme.get();
  const user = who?.user;
  return [
    { heading: user ? t('account.signed_in', { user }) : t('account.signed_in_key') },
    ...(who?.account ? [{ icon: 'user', label: t('nav.account'), run: () => { location.href = url('account'); } }] : []),
    ...(who?.csrf ? [{ icon: 'out', label: t('action.sign_out'), run: leave }] : []),
    '-',
    ...THEMES.map(([name, mark]) => ({ icon: mark, label: t(`theme.${name}`), checked: theme === name, run: () => window.twchatTheme.set(name) })),
    '-',
    ...Object.entries(LANGUAGES).map(([code, name]) => ({ icon: 'globe', label: name, checked: lang() === code, run: () => setLang(code) })),
    '-',
    { icon: 'keyboard', label: t('keys.title'), run: showKeys },
  ];
}

class Account extends HTMLElement {
  connectedCallback() {
    let who = null;
    const mark = h('span', { class: 'avatar sm' }, icon('user'));
    const button = h('button', { type: 'button', class: 'account', 'aria-label': t('account.menu'), title: t('account.menu') }, mark);
    attachMenu(button, () => items(who));
    this.replaceChildren(button);
    session().then(answer => {
      who = answer;
      if (!who.user) return;
      mark.className = `avatar sm av-${hue(who.user)}`;
      mark.replaceChildren(initials(who.user));
    }).catch(() => { /* the page itself says that nothing answers */ });
  }
}
customElements.define('tw-account', Account);
