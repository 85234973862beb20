/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * stream.js - <tw-stream>: the messages of a conversation. Keeps the reader's place: new messages scroll only
 * who is at the bottom, the others get a "3 new" pill; older ones are put in front without a jump.
 */
import { url } from '../api.js';
import { h, icon, reconcile } from '../dom.js';
import { day, dayKey, parseTime, phone } from '../format.js';
import { t } from '../i18n.js';
import { bubble, pendingBubble } from './bubble.js';
import { emptyBlock, problemBlock } from './problem.js';

const NEAR_PX = 60;

class Stream extends HTMLElement {
  #nodes = new Map();
  #conversation = null;
  #actions = null;
  #listener = () => this.#draw();
  #fresh = 0;
  #newest = 0;
  #pinned = true;
  #drawn = false;
  #seen = null;                         /* {row, top}: the first row in view and where it stood */

  connectedCallback() {
    if (this.list) return;
    this.list = h('div', { class: 'stream-list' });
    this.box = h('div', { class: 'stream', tabindex: '0', role: 'log', 'aria-label': t('stream.label'), 'aria-live': 'polite' }, this.list);
    this.pill = h('button', { type: 'button', class: 'new-pill', hidden: true, onclick: () => this.toBottom(true) });
    this.replaceChildren(this.box, this.pill);
    this.box.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => { if (this.#pinned) this.toBottom(); else this.#hold(); }).observe(this.list);
    new ResizeObserver(() => { if (this.#pinned) this.toBottom(); }).observe(this.box);
  }

  /** Show a conversation; null shows nothing. */
  show(conversation, actions) {
    this.#conversation?.removeEventListener('change', this.#listener);
    this.#conversation = conversation;
    this.#actions = actions;
    this.#nodes.clear();
    this.#fresh = 0;
    this.#newest = 0;
    this.#pinned = true;
    this.#drawn = false;
    this.#seen = null;
    this.list.replaceChildren();
    conversation?.addEventListener('change', this.#listener);
    this.#draw();
  }

  get atBottom() {
    return this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < NEAR_PX;
  }

  toBottom(smooth = false) {
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.box.scrollTo({ top: this.box.scrollHeight, behavior: smooth && !calm ? 'smooth' : 'instant' });
    this.#pinned = true;
    this.#pill(0);
  }

  #scrolled() {
    this.#pinned = this.atBottom;
    this.#look();
    if (this.#pinned) {
      this.#pill(0);
      this.dispatchEvent(new Event('bottom'));
    }
    if (this.box.scrollTop < 400) this.#older();
  }

  #look() {
    const rows = this.list.children;
    let low = 0;
    for (let high = rows.length - 1; low < high;) {
      const middle = (low + high) >> 1;
      if (rows[middle].offsetTop + rows[middle].offsetHeight > this.box.scrollTop) high = middle;
      else low = middle + 1;
    }
    this.#seen = rows.length ? { row: rows[low], top: rows[low].getBoundingClientRect().top - this.box.getBoundingClientRect().top } : null;
  }

  /* Rows above may come and grow (pictures, reasons): what the reader looks at stays. False: it was replaced. */
  #hold() {
    if (!this.#seen?.row.isConnected) return false;
    this.box.scrollTop += this.#seen.row.getBoundingClientRect().top - this.box.getBoundingClientRect().top - this.#seen.top;
    return true;
  }

  #pill(n) {
    this.#fresh = n;
    this.pill.hidden = n === 0;
    if (n) this.pill.replaceChildren(icon('arrow-down'), t('stream.new', { n }));
  }

  async #older() {
    const conversation = this.#conversation;
    if (!conversation?.hasMore || this.olderFailed) return;
    try {
      await conversation.older();
    } catch {
      this.olderFailed = true;
      setTimeout(() => { this.olderFailed = false; }, 3000);
    }
  }

  #draw() {
    const conversation = this.#conversation;
    if (!conversation) return this.list.replaceChildren();
    if (conversation.state === 'loading' && !conversation.items.length) return this.#skeleton();
    if (conversation.state === 'failed') return this.#failed(conversation);
    const nodes = this.#rows(conversation);
    const before = { height: this.box.scrollHeight, top: this.box.scrollTop, first: this.list.querySelector('[data-id]')?.dataset.id };
    reconcile(this.list, nodes);
    this.#place(conversation, before);
  }

  /* Where the reader is after drawing: at the unread line or the bottom at first, then where they were. */
  #place(conversation, before) {
    const { items } = conversation;
    const newest = items.length ? items[items.length - 1].id : 0;
    const added = items.filter(entry => entry.id > this.#newest && entry.direction === 'inbound').length;
    const first = this.list.querySelector('[data-id]')?.dataset.id;
    if (!this.#drawn) {
      this.#drawn = true;
      const line = this.list.querySelector('.unread-line');
      this.toBottom();
      if (line && line.offsetTop < this.box.scrollTop) this.box.scrollTop = line.offsetTop - 60;
      this.#pinned = this.atBottom;
    } else if (this.#pinned) {
      this.toBottom();
    } else if (before.first !== undefined && before.first !== first) {
      if (!this.#hold()) this.box.scrollTop = before.top + this.box.scrollHeight - before.height;
    } else if (added) {
      this.#pill(this.#fresh + added);
    }
    this.#newest = Math.max(this.#newest, newest);
    if (this.box.scrollHeight <= this.box.clientHeight) this.#older();
  }

  /* What was typed here waits all the same, and is seen. */
  #failed(conversation) {
    const again = () => { this.#skeleton(); conversation.load(); };
    this.list.replaceChildren(problemBlock(conversation.error, again), ...conversation.pending.map(item => pendingBubble(item, { first: true }, this.#actions)));
  }

  #skeleton() {
    this.list.replaceChildren(...['in', 'out', 'out', 'in', 'out', 'in'].map((side, at) =>
      h('div', { class: `bubble-row first ${side}` }, h('div', { class: `bubble skeleton-bubble w${at % 3}` }, h('span', { class: 'skeleton' })))));
  }

  #rows(conversation) {
    const seen = new Map();
    const rows = [];
    const put = (key, sign, make) => {
      const old = this.#nodes.get(key);
      const node = old?.sign === sign ? old.node : make();
      if (!old && this.#drawn && key[0] === 'p') node.classList.add('enter');
      if (!old && this.#drawn && key[0] === 'm' && Number(key.slice(1)) > this.#newest) node.classList.add('enter');
      seen.set(key, { sign, node });
      rows.push(node);
    };
    if (conversation.hasMore) put('older', '', () => h('div', { class: 'older' }, h('span', { class: 'skeleton' })));
    else if (conversation.items.length) put('start', conversation.peer, () => h('p', { class: 'stream-start' }, t('stream.start', { peer: phone(conversation.peer) })));
    let last = null;
    const line = conversation.firstUnread;
    for (const entry of conversation.items) {
      const time = parseTime(entry.created_at) || new Date();
      this.#dayLine(put, time, last);
      if (entry.id === line) put('unread', String(conversation.unreadAtOpen), () => h('div', { class: 'unread-line', role: 'separator' }, h('span', {}, t('stream.unread', { n: conversation.unreadAtOpen }))));
      const first = !last || entry.id === line || last.direction !== entry.direction || last.source !== entry.source
        || Math.floor(last.time / 60000) !== Math.floor(time / 60000);
      const quoted = entry.extra?.replied_sid ? conversation.findSid(entry.extra.replied_sid) : null;
      const sign = JSON.stringify([entry, first, quoted?.id, this.#actions.mayRetry(entry)]);
      put(conversation.keyOf(entry), sign, () => bubble(entry, { first, quoted }, this.#actions));
      last = { direction: entry.direction, source: entry.source, time };
    }
    for (const item of conversation.pending) {
      const time = new Date(item.at);
      this.#dayLine(put, time, last);
      const first = last?.direction !== 'outbound' || Math.floor(last.time / 60000) !== Math.floor(time / 60000);
      put(`p${item.key}`, JSON.stringify([item, first, this.#actions.mayResend()]), () => pendingBubble(item, { first }, this.#actions));
      last = { direction: 'outbound', source: 'page', time };
    }
    if (!rows.length) put('empty', `${conversation.peer} ${conversation.nobody}`, () => this.#empty(conversation));
    this.#nodes = seen;
    return rows;
  }

  #empty({ peer, nobody, asked }) {
    if (!nobody) return emptyBlock('sms', t('stream.empty'), t('stream.empty.how', { peer: phone(peer) }));
    return emptyBlock('warning', t('stream.nobody', { text: asked }), t('stream.nobody.how'),
      h('a', { class: 'btn btn-outline', href: url('inbox') }, icon('back'), t('thread.back')));
  }

  #dayLine(put, time, last) {
    const key = dayKey(time);
    if (last && dayKey(last.time) === key) return;
    put(`d${key}`, day(time), () => h('div', { class: 'day-line', role: 'separator' }, h('span', {}, day(time))));
  }
}
customElements.define('tw-stream', Stream);
