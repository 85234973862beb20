/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * entries.js - <tw-entries>: the last fifty messages of everybody, filtered by direction, live.
 */
import * as api from '../api.js';
import { fill, h, icon, reconcile } from '../dom.js';
import { live } from '../events.js';
import { bare, canonical, channelOf, exact, parseTime, phone, when } from '../format.js';
import { t } from '../i18n.js';
import * as keys from '../keys.js';
import { channelName } from './avatar.js';
import { summary } from './media.js';
import { emptyBlock, problemBlock } from './problem.js';
import { failure, hasFailed, statusWord, ticks } from './status.js';

const SHOWN = 50;
const FILTERS = ['', 'inbound', 'outbound'];

class Entries extends HTMLElement {
  #items = [];
  #rows = new Map();
  #names = new Map();                   /* peer → what WhatsApp calls them */
  #direction = '';
  #asked = 0;

  connectedCallback() {
    this.body = h('tbody', { role: 'rowgroup' });
    this.table = h('table', { class: 'entries', role: 'table', 'aria-label': t('entries.title') },
      h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ['contact', 'text', 'status', 'time'].map(name =>
        h('th', { role: 'columnheader', scope: 'col', class: `col-${name}` }, t(`entries.${name}`))))),
      this.body);
    this.place = h('div', { class: 'entries-place' }, this.table);
    this.replaceChildren(h('div', { class: 'card-head' }, h('h2', {}, t('entries.title')), this.#filter()), this.place);
    this.#skeleton();
    live.addEventListener('message', event => this.#arrived(event.detail));
    live.addEventListener('removed', event => this.#removed(event.detail.id));
    live.addEventListener('reset', () => this.load());
    this.timer = setInterval(() => this.#draw(), 60000);
    keys.on('j', t('keys.next'), () => keys.step(this.#links(), 1));
    keys.on('k', t('keys.previous'), () => keys.step(this.#links(), -1));
    live.ready().then(() => this.load());
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  #filter() {
    const change = event => {
      this.#direction = event.target.value;
      this.#items = [];
      this.#rows.clear();
      this.#skeleton();
      this.load();
    };
    return h('fieldset', { class: 'segments', onchange: change }, h('legend', { class: 'visually-hidden' }, t('entries.filter')),
      FILTERS.map(value => h('label', { class: 'segment' },
        h('input', { type: 'radio', name: 'direction', value, checked: value === this.#direction }), h('span', {}, t(`entries.filter.${value || 'all'}`)))));
  }

  #links() {
    return [...this.body.querySelectorAll('a.row-link')];
  }

  #skeleton() {
    fill(this.place, this.table);
    this.place.setAttribute('aria-busy', 'true');
    fill(this.body, Array.from({ length: 8 }, () => h('tr', { role: 'row', class: 'skeleton-row' }, ['contact', 'text', 'status', 'time'].map(name =>
      h('td', { role: 'cell', class: `col-${name}` }, h('span', { class: 'skeleton' }))))));
  }

  async load() {
    const asked = ++this.#asked;
    try {
      const answer = await api.entries({ direction: this.#direction, limit: SHOWN });
      if (asked !== this.#asked) return;
      this.#items = answer.items;
      this.place.removeAttribute('aria-busy');
      this.#draw();
    } catch (error) {
      if (asked === this.#asked && !this.#items.length) fill(this.place, problemBlock(error, () => { this.#skeleton(); this.load(); }));
    }
  }

  #arrived(entry) {
    if (this.#direction && entry.direction !== this.#direction) return;
    if (this.place.hasAttribute('aria-busy')) return;
    const at = this.#items.findIndex(item => item.id === entry.id);
    if (at >= 0) this.#items[at] = entry;
    else if (this.#items.length < SHOWN || entry.id > this.#items[this.#items.length - 1].id) this.#items.unshift(entry);
    this.#items.sort((a, b) => (a.created_at < b.created_at ? 1 : a.created_at > b.created_at ? -1 : b.id - a.id));
    this.#items.length = Math.min(this.#items.length, SHOWN);
    this.#draw();
  }

  /* The one that moves up from below has to be asked for. */
  #removed(id) {
    if (this.#items.some(item => item.id === id)) this.load();
  }

  #draw() {
    if (this.place.hasAttribute('aria-busy')) return;
    if (!this.#items.length) {
      const name = this.#direction || 'all';
      fill(this.place, emptyBlock('sms', t(`entries.empty.${name}`), t(`entries.empty.${name}.how`)));
      return;
    }
    if (this.table.parentNode !== this.place) fill(this.place, this.table);
    const rows = new Map();
    for (const entry of this.#items.slice().reverse()) {
      const name = entry.extra?.profile_name;
      if (name && bare(canonical(name)) !== bare(entry.peer)) this.#names.set(entry.peer, name);
    }
    for (const entry of this.#items) {
      const sign = JSON.stringify([entry, this.#names.get(entry.peer)]) + when(parseTime(entry.created_at));
      const old = this.#rows.get(entry.id);
      rows.set(entry.id, old?.sign === sign ? old : { sign, node: this.#row(entry) });
    }
    const focused = document.activeElement?.closest?.('tr')?.dataset.id;
    this.#rows = rows;
    reconcile(this.body, [...rows.values()].map(row => row.node));
    if (focused && !this.body.contains(document.activeElement)) this.body.querySelector(`tr[data-id="${focused}"] a.row-link`)?.focus();
  }

  #row(entry) {
    const inbound = entry.direction === 'inbound';
    const date = parseTime(entry.created_at);
    const channel = channelOf(entry.peer);
    return h('tr', { role: 'row', class: hasFailed(entry.status) ? 'failed' : null, data: { id: String(entry.id) } },
      h('td', { role: 'cell', class: 'col-contact' },
        h('span', { class: `dir ${entry.direction}` }, icon(inbound ? 'in' : 'out', t(`direction.${entry.direction}`))),
        h('a', { class: 'row-link', href: api.chatUrl(entry.peer), title: channelName(channel) }, this.#names.get(entry.peer) || phone(entry.peer)),
        channel === 'whatsapp' && h('span', { class: 'ch-whatsapp ch-mark' }, icon('whatsapp', 'WhatsApp'))),
      h('td', { role: 'cell', class: 'col-text' }, h('span', { dir: 'auto', class: 'one-line', title: entry.body || null }, summary(entry)), this.#why(entry)),
      h('td', { role: 'cell', class: 'col-status' }, inbound ? h('span', { class: 'quiet' }, t('status.received')) : this.#status(entry)),
      h('td', { role: 'cell', class: 'col-time' }, h('time', { datetime: date?.toISOString(), title: exact(date) }, when(date))));
  }

  #why(entry) {
    if (!hasFailed(entry.status)) return null;
    const { reason, advice } = failure(entry);
    return h('span', { class: 'one-line why', title: `${reason} ${advice}`.trim() }, reason);
  }

  #status(entry) {
    return h('span', { class: `state st-${entry.status}` }, ticks(entry), h('span', { class: 'one-line' }, statusWord(entry.status)));
  }
}
customElements.define('tw-entries', Entries);
