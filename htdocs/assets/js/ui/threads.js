/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * threads.js - <tw-threads>: all conversations, latest first, with a search; loads on while scrolling,
 * changes in place. Fires "open" (detail: row, or {peer} of a new one) when one is chosen.
 */
import * as api from '../api.js';
import { fill, h, icon, iconButton, reconcile } from '../dom.js';
import { live } from '../events.js';
import { exact, parseTime, phone, title, when } from '../format.js';
import { t } from '../i18n.js';
import { draftOf, onKept } from '../keep.js';
import { avatar } from './avatar.js';
import './connection.js';
import { askPeer, recipient } from './new-chat.js';
import { emptyBlock, problemBlock } from './problem.js';
import { ticks } from './status.js';

const PAGE = 50;
const TYPING_MS = 220;

class Threads extends HTMLElement {
  #rows = new Map();                    /* peer → row */
  #nodes = new Map();
  #next = null;
  #search = '';
  #asked = 0;
  #state = 'loading';
  #loadingMore = false;
  #selected = null;
  #timer = null;

  connectedCallback() {
    this.#search = new URLSearchParams(location.search).get('search') || '';
    this.field = h('input', { type: 'search', class: 'search-field', 'data-search': true, placeholder: t('search.placeholder'), 'aria-label': t('search.label'),
      autocomplete: 'off', value: this.#search, oninput: () => this.#typed(), onkeydown: event => this.#fieldKey(event) });
    this.list = h('div', { class: 'threads-list', role: 'list', 'aria-label': t('threads.label') });
    this.scroller = h('div', { class: 'threads-scroll' }, this.list);
    this.scroller.addEventListener('scroll', () => this.#more(), { passive: true });
    this.replaceChildren(
      h('div', { class: 'threads-head' }, h('h1', {}, t('nav.inbox')), document.createElement('tw-connection'),
        iconButton('plus', t('newchat.title'), () => this.begin(), { class: 'btn-icon round' })),
      h('div', { class: 'search', role: 'search' }, icon('search'), this.field, h('kbd', {}, '/')),
      this.scroller);
    this.#skeleton();
    live.addEventListener('conversation', event => this.#changed(event.detail));
    live.addEventListener('reset', () => this.load());
    onKept(() => this.#draw());
    setInterval(() => this.#draw(), 60000);
    if (location.hash === '#search') this.field.focus();
    live.ready().then(() => this.load());
  }

  get links() {
    return [...this.list.querySelectorAll('a.thread')];
  }

  get selectedLink() {
    return this.list.querySelector('[aria-current]');
  }

  row(peer) {
    return this.#rows.get(peer) || null;
  }

  /** Ask whom to write to, and open that. */
  begin() {
    this.#begin('');
  }

  select(peer) {
    this.#selected = peer;
    this.#draw();
  }

  /** Draw again: a draft or a read mark changed. */
  refresh(row = null) {
    if (row && this.#rows.has(row.peer)) this.#rows.set(row.peer, row);
    this.#draw();
  }

  async load() {
    const asked = ++this.#asked;
    try {
      const answer = await api.threads({ search: this.#search, limit: PAGE });
      if (asked !== this.#asked) return;
      this.#rows = new Map(answer.items.map(row => [row.peer, row]));
      this.#next = answer.next;
      this.#state = 'ready';
      this.#draw();
      this.#more();
    } catch (error) {
      if (asked !== this.#asked || this.#rows.size) return;
      this.#state = 'failed';
      fill(this.list, problemBlock(error, () => { this.#skeleton(); this.load(); }));
    }
  }

  async #more() {
    const near = this.scroller.scrollTop + this.scroller.clientHeight > this.scroller.scrollHeight - 400;
    if (!near || !this.#next || this.#loadingMore) return;
    const asked = this.#asked;
    this.#loadingMore = true;
    try {
      const answer = await api.threads({ search: this.#search, before: this.#next, limit: PAGE });
      if (asked !== this.#asked) return;
      for (const row of answer.items) if (!this.#rows.has(row.peer)) this.#rows.set(row.peer, row);
      this.#next = answer.next;
      this.#draw();
    } catch { /* scrolling on tries again */ } finally {
      this.#loadingMore = false;
    }
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#search = this.field.value.trim();
      this.scroller.scrollTop = 0;
      this.load();
    }, TYPING_MS);
  }

  #fieldKey(event) {
    if (event.key === 'ArrowDown') {
      event.preventDefault();
      this.links[0]?.focus();
    } else if (event.key === 'Enter') {
      event.preventDefault();
      this.links[0]?.click();
    } else if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      if (this.field.value) {
        this.field.value = '';
        this.#typed();
      } else {
        this.field.blur();
      }
    }
  }

  #changed(row) {
    if (this.#state !== 'ready' || (this.#search && !this.#rows.has(row.peer))) return;
    this.#rows.set(row.peer, row);
    this.#draw();
  }

  #skeleton() {
    this.#state = 'loading';
    fill(this.list, Array.from({ length: 10 }, () => h('div', { class: 'thread skeleton-thread', 'aria-hidden': 'true' },
      h('span', { class: 'avatar skeleton' }), h('div', { class: 'thread-main' }, h('span', { class: 'skeleton' }), h('span', { class: 'skeleton' })))));
  }

  #draw() {
    if (this.#state !== 'ready') return;
    const rows = [...this.#rows.values()].sort((a, b) => (a.last_at < b.last_at ? 1 : a.last_at > b.last_at ? -1 : 0));
    if (!rows.length) return fill(this.list, this.#empty());
    const nodes = new Map();
    for (const row of rows) {
      const draft = row.peer === this.#selected ? null : draftOf(row.peer)?.body || null;
      const sign = JSON.stringify([row, draft, row.peer === this.#selected, when(parseTime(row.last_at))]);
      const old = this.#nodes.get(row.peer);
      nodes.set(row.peer, old?.sign === sign ? old : { sign, node: this.#node(row, draft) });
    }
    const focused = document.activeElement?.dataset?.peer;
    this.#nodes = nodes;
    reconcile(this.list, [...nodes.values()].map(entry => entry.node));
    if (focused && document.activeElement?.dataset?.peer !== focused) nodes.get(focused)?.node.firstChild.focus();
  }

  #empty() {
    if (this.#search) {
      const peer = recipient(this.#search, 'sms');
      return emptyBlock('search', t('threads.none'), t('threads.none.how', { text: this.#search }),
        peer && h('button', { type: 'button', class: 'btn btn-outline', onclick: () => this.#begin(peer) }, icon('send'), t('newchat.write', { peer: phone(peer) })));
    }
    return emptyBlock('inbox', t('threads.empty'), t('threads.empty.how'),
      h('button', { type: 'button', class: 'btn btn-outline', onclick: () => this.begin() }, icon('send'), t('threads.empty.action')));
  }

  async #begin(typed) {
    const peer = typed || await askPeer();
    if (peer) this.dispatchEvent(new CustomEvent('open', { detail: this.row(peer) || { peer } }));
  }

  #node(row, draft) {
    const date = parseTime(row.last_at);
    const chosen = row.peer === this.#selected;
    const name = title(row);
    const unread = chosen && document.hasFocus() && !row.loop_guard ? 0 : row.unread;       /* being read this moment */
    const open = event => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      this.dispatchEvent(new CustomEvent('open', { detail: row }));
    };
    const link = h('a', { class: `thread${unread ? ' unread' : ''}`, href: api.chatUrl(row.peer), 'aria-current': chosen ? 'true' : null, data: { peer: row.peer }, onclick: open },
      avatar(row),
      h('div', { class: 'thread-main' },
        h('div', { class: 'thread-top' },
          h('span', { class: 'thread-name one-line', dir: 'auto', title: row.name ? `${row.name} · ${phone(row.peer)}` : null }, name),
          h('time', { datetime: date?.toISOString(), title: exact(date) }, when(date))),
        h('div', { class: 'thread-bottom' }, this.#preview(row, draft), this.#tags(row),
          unread > 0 && h('span', { class: 'pill', 'aria-label': t('nav.unread', { n: unread }) }, unread > 99 ? '99+' : unread))));
    return h('div', { role: 'listitem' }, link);
  }

  #preview(row, draft) {
    if (draft) return h('span', { class: 'thread-text one-line', dir: 'auto' }, h('em', {}, t('threads.draft')), ' ', draft);
    const mark = row.last_direction === 'outbound' ? ticks({ direction: 'outbound', status: row.last_status }) : null;
    return [mark, h('span', { class: 'thread-text one-line', dir: 'auto' }, row.last_body || t('media.attachment'))];
  }

  #tags(row) {
    return [row.opted_out && h('span', { class: 'tag bad', title: t('optout.tip') }, icon('ban', t('optout.tip'))),
      row.loop_guard && h('span', { class: 'tag waiting', title: t('guard.tip') }, icon('pause', t('guard.tip')))];
  }
}
customElements.define('tw-threads', Threads);
