/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * rail.js - <tw-rail page="inbox">: the way between pages; a bar at the bottom on phones. It also
 * registers the shortcuts every page has and starts the live connection: at once, or with live="later", on pages
 * that come to people without a role as well, once it is known that the reader has one.
 */
import { session, url } from '../api.js';
import { h, icon } from '../dom.js';
import { live } from '../events.js';
import { number } from '../format.js';
import { t } from '../i18n.js';
import * as keys from '../keys.js';
import { outgoing } from '../outgoing.js';
import { stats } from '../stats.js';
import { showKeys } from './account.js';
import './connection.js';

const PAGES = [['dashboard', '.', 'dashboard', 'g d'], ['inbox', 'inbox', 'inbox', 'g i'], ['settings', 'settings', 'settings', 'g s']];
const ROLES = ['none', 'viewer', 'agent', 'admin', 'super_admin'];
/* Pages of those who manage: name, path, icon, shortcut, the lowest role. */
const MANAGED = [['users', 'users', 'users', 'g u', 'super_admin'], ['audit', 'audit', 'shield', 'g a', 'admin']];

/** The page's title, with what is unread before it. */
let baseTitle = '';
export function setTitle(text) {
  baseTitle = text;
  const unread = stats.value?.unread || 0;
  document.title = (unread ? `(${unread > 99 ? '99+' : unread}) ` : '') + `${text} · Twchat`;
}

class Rail extends HTMLElement {
  connectedCallback() {
    const page = this.getAttribute('page');
    this.badge = h('span', { class: 'rail-badge', hidden: true });
    this.replaceChildren(
      h('a', { class: 'skip', href: '#main' }, t('nav.skip')),
      h('a', { class: 'rail-brand', href: url('.'), 'aria-label': 'Twchat', title: 'Twchat' },
        h('img', { src: url('assets/img/logo.svg'), alt: '', width: 32, height: 32 })),
      this.nav = h('nav', { 'aria-label': t('nav.label') }, PAGES.map(row => this.link(row, page))),
      document.createElement('tw-account'));
    this.shortcuts();
    stats.addEventListener('change', event => this.unread(event.detail.unread));
    const later = this.getAttribute('live') === 'later';
    if (!later) this.follow();
    session().then(who => this.settle(who, page, later)).catch(() => { if (later) live.off(); });
  }

  follow() {
    live.start();
    stats.refresh();
    outgoing.flush();
  }

  /* Whoever has no role is shown no way to pages that are not for them. */
  settle(who, page, later) {
    const may = ROLES.indexOf(who.role) > 0;
    if (!may) this.nav.replaceChildren();
    this.manage(who, page);
    if (later && may) this.follow();
    else if (later) live.off();
  }

  link([name, path, mark, combo], page) {
    keys.on(combo, t('keys.go', { page: t(`nav.${name}`) }), () => { location.href = url(path); });
    return h('a', { class: 'rail-link', href: url(path), 'aria-current': name === page ? 'page' : null, title: `${t(`nav.${name}`)} (${combo})` },
      icon(mark), h('span', {}, t(`nav.${name}`)), name === 'inbox' && this.badge);
  }

  manage(who, page) {
    const rank = ROLES.indexOf(who.role);
    this.nav.append(...MANAGED.filter(row => rank >= ROLES.indexOf(row[4])).map(row => this.link(row, page)));
  }

  unread(n) {
    this.badge.hidden = !n;
    this.badge.textContent = n > 99 ? '99+' : number(n || 0);
    this.badge.setAttribute('aria-label', t('nav.unread', { n: n || 0 }));
    setTitle(baseTitle);
  }

  shortcuts() {
    keys.on('/', t('keys.search'), () => {
      const field = document.querySelector('[data-search]');
      if (!field) return void (location.href = url('inbox') + '#search');
      field.focus();
      field.select();
      return true;
    });
    keys.on('?', t('keys.help'), showKeys);
  }
}
customElements.define('tw-rail', Rail);
