/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * stuck.js - <tw-stuck>: messages that do not get on, the oldest ones by name and with the reason. Not there while there are none.
 */
import * as api from '../api.js';
import { fill, h, icon } from '../dom.js';
import { number, parseTime, phone, when } from '../format.js';
import { said, t } from '../i18n.js';
import { stats } from '../stats.js';

const SHOWN = 5;

class Stuck extends HTMLElement {
  connectedCallback() {
    this.hidden = true;
    stats.addEventListener('change', event => this.show(event.detail));
    if (stats.value) this.show(stats.value);
  }

  async show({ stuck = 0 }) {
    if (!stuck) return void (this.hidden = true);
    try {
      const { items } = await api.stuck({ limit: SHOWN });
      if (!items.length) return void (this.hidden = true);
      fill(this, h('div', { class: 'notice bad', role: 'note' }, icon('alert'),
        h('div', {}, h('p', {}, h('strong', {}, t('stuck.title', { n: number(stuck) }))), h('ul', { class: 'stuck-list' }, items.map(item => this.#item(item))))));
      this.hidden = false;
    } catch {
      /* the counters say that something is wrong, and are fetched again */
    }
  }

  #item({ peer, since, why, reason }) {
    return h('li', {}, h('a', { href: api.chatUrl(peer) }, phone(peer)), ' ', h('time', { datetime: since + 'Z' }, when(parseTime(since))), ': ',
      t(`stuck.${why}`), why === 'sender' ? ` ${said(reason)}` : '');
  }
}
customElements.define('tw-stuck', Stuck);
