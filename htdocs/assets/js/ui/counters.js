/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * counters.js - <tw-counters>: the figures on top of the dashboard.
 */
import { h, icon } from '../dom.js';
import { number } from '../format.js';
import { t } from '../i18n.js';
import { stats } from '../stats.js';

const TILES = [['today', 'sms', ''], ['unread', 'inbox', 'accent'], ['queued', 'clock', 'waiting'], ['failed', 'alert', 'bad'],
  ['conversations', 'users', ''], ['opted_out', 'ban', '']];

class Counters extends HTMLElement {
  connectedCallback() {
    this.tiles = new Map();
    this.replaceChildren(h('dl', { class: 'tiles' }, TILES.map(row => this.#tile(row))));
    stats.addEventListener('change', event => this.show(event.detail));
    stats.addEventListener('error', () => { if (!stats.value) this.#unknown(); });
    if (stats.value) this.show(stats.value);
  }

  /* The list below says what is wrong; here nothing pretends to be on its way. */
  #unknown() {
    for (const { value } of this.tiles.values()) value.textContent = '–';
  }

  #tile([name, mark, tone]) {
    const value = h('dd', { class: 'tile-value' }, h('span', { class: 'skeleton' }));
    const note = h('dd', { class: 'tile-note' });
    const box = h('div', { class: 'tile' }, h('dt', {}, icon(mark), h('span', { class: 'one-line' }, t(`stats.${name}`))), value, note);
    this.tiles.set(name, { value, note, tone, box });
    return box;
  }

  show(counts) {
    const notes = {
      today: t('stats.total_note', { total: counts.total || 0 }),
      conversations: t('stats.split_note', { in: counts.inbound || 0, out: counts.outbound || 0 }),
      unread: t(counts.unread ? 'stats.unread_note' : 'stats.unread_none'),
      queued: t(counts.queued ? 'stats.queued_note' : 'stats.queued_none'),
      failed: t(counts.failed ? 'stats.failed_note' : 'stats.failed_none'),
      opted_out: t('stats.opted_out_note'),
    };
    for (const [name, { value, note, tone, box }] of this.tiles) {
      value.textContent = number(counts[name] || 0);
      note.textContent = notes[name];
      box.className = `tile ${counts[name] ? tone : ''}`;
    }
  }
}
customElements.define('tw-counters', Counters);
