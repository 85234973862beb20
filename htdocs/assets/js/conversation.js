/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * conversation.js - one conversation as far as it was loaded: its row, its messages oldest first, what came
 * live, what is still on its way from here. Knows nothing about how it is shown. Fires "change".
 */
import * as api from './api.js';
import { live } from './events.js';
import { canonical, channelOf, isRecipient } from './format.js';
import { outgoing } from './outgoing.js';

const PAGE = 50;
const order = (a, b) => (a.created_at < b.created_at ? -1 : a.created_at > b.created_at ? 1 : a.id - b.id);

export class Conversation extends EventTarget {
  items = [];
  known = false;                        /* it is stored: somebody wrote, or was written to */
  hasMore = false;
  state = 'loading';                    /* loading · ready · failed */
  error = null;
  unreadAtOpen = 0;
  #newestAtOpen = 0;
  #byId = new Map();
  #aliases = new Map();                 /* entry id → key of the item it was sent as */
  #older = null;
  #stop = new AbortController();

  /** asked: any spelling of a peer; row: its row when the list has it already. */
  constructor(asked, row = null) {
    super();
    this.asked = asked;
    this.known = Boolean(row);
    this.peer = row?.peer || canonical(asked);
    this.row = row || { peer: this.peer, channel: channelOf(this.peer), name: null, unread: 0, total: 0, opted_out: false, loop_guard: false };
    const listen = (target, name, run) => target.addEventListener(name, run, { signal: this.#stop.signal });
    listen(live, 'message', event => this.#arrived(event.detail));
    listen(live, 'removed', event => this.#forget(event.detail.id));
    listen(live, 'conversation', event => this.#summary(event.detail));
    listen(live, 'reset', () => this.load());
    listen(outgoing, 'change', event => { if (!event.detail || event.detail.peer === this.peer) this.#changed(); });
    listen(outgoing, 'sent', event => this.#sent(event.detail));
    listen(outgoing, 'failed', event => this.#failed(event.detail));
  }

  close() {
    this.#stop.abort();
  }

  async load() {
    try {
      await live.ready();
      const row = await api.threadOf(this.asked).catch(error => { if (error.status === 404) return null; throw error; });
      if (row) {
        this.row = row;
        this.peer = row.peer;
        this.known = true;
      }
      const answer = row ? await api.threadEntries(this.peer, { limit: PAGE }) : { items: [], has_more: false };
      if (this.#stop.signal.aborted) return;
      if (this.state !== 'ready') {
        this.unreadAtOpen = this.row.unread || 0;
        this.#newestAtOpen = answer.items.reduce((newest, entry) => Math.max(newest, entry.id), 0);
      }
      this.#replace(answer);
      this.state = 'ready';
      this.error = null;
    } catch (error) {
      if (this.state !== 'ready') Object.assign(this, { state: 'failed', error });
    }
    this.#changed();
  }

  /** Fifty older ones in front; several callers share one request. */
  older() {
    if (!this.hasMore || !this.items.length) return Promise.resolve();
    this.#older ??= api.threadEntries(this.peer, { before: this.items[0].id, limit: PAGE }).then(answer => {
      this.hasMore = answer.has_more;
      this.#put(answer.items);
      this.#changed();
    }).finally(() => { this.#older = null; });
    return this.#older;
  }

  /** Neither stored nor an address that a message could go to: whoever asked for it mistyped. */
  get nobody() {
    return !this.known && !isRecipient(this.peer);
  }

  find(id) {
    return this.#byId.get(id) || null;
  }

  findSid(sid) {
    return this.items.find(entry => entry.sid === sid) || null;
  }

  /** Items typed here whose stored message is not shown yet. */
  get pending() {
    return outgoing.of(this.peer).filter(item => item.id === null || !this.#byId.has(item.id));
  }

  /** A name for a row that stays the same while an item turns into a stored message. */
  keyOf(entry) {
    return this.#aliases.get(entry.id) || `m${entry.id}`;
  }

  /** Time of their last message as far as loaded, or null. */
  get lastInboundAt() {
    for (let at = this.items.length - 1; at >= 0; at--) if (this.items[at].direction === 'inbound') return this.items[at].created_at;
    return null;
  }

  /** Their messages not read when the conversation was opened: the id of the first, or null. */
  get firstUnread() {
    if (!this.unreadAtOpen) return null;
    const inbound = this.items.filter(entry => entry.direction === 'inbound' && entry.id <= this.#newestAtOpen);
    return inbound[Math.max(0, inbound.length - this.unreadAtOpen)]?.id ?? null;
  }

  async markRead() {
    if (!this.row.unread) return;
    this.row = { ...this.row, unread: 0 };
    await api.markRead(this.peer).catch(() => { /* the next message or visit tries again */ });
  }

  async cancel(entry) {
    const answer = await api.cancel(entry.id);
    this.patch(entry.id, { status: answer.status });
  }

  /** A failed message once more, as a new one. */
  async retry(entry, key) {
    const answer = await api.retry(entry.id, key);
    const now = new Date().toISOString().slice(0, 19);
    if (!this.#byId.has(answer.id)) {
      this.#put([{ ...entry, id: answer.id, sid: null, status: answer.status, error: null, error_code: null, error_reason: null, error_advice: null,
        created_at: now, updated_at: now, send_at: null, source: 'page' }]);
    }
    this.#changed();
  }

  async redact(entry) {
    await api.redact(entry.sid);
    this.patch(entry.id, { body: '', media: [] });
  }

  async remove(entry) {
    await api.remove(entry.sid);
    this.#forget(entry.id);
  }

  patch(id, change) {
    const entry = this.#byId.get(id);
    if (!entry) return;
    this.#put([{ ...entry, ...change }]);
    this.#changed();
  }

  #replace({ items, has_more }) {
    const oldest = items[0]?.id ?? 0;
    const kept = this.hasMore || this.items.length ? this.items.filter(entry => entry.id < oldest) : [];
    const joined = kept.length && items.length === PAGE;        /* what was paged in stays, unless there may be a gap */
    this.#byId = new Map();
    this.hasMore = joined ? this.hasMore : has_more;
    this.#put(joined ? [...kept, ...items] : items);
  }

  #put(entries) {
    for (const entry of entries) this.#byId.set(entry.id, entry);
    this.#sort();
  }

  #sort() {
    this.items = [...this.#byId.values()].sort(order);
  }

  #arrived(entry) {
    if (entry.peer !== this.peer || this.state !== 'ready') return;
    const before = this.hasMore && this.items.length && order(entry, this.items[0]) < 0;
    if (before) return;                 /* belongs to a page not loaded yet */
    if (!this.#byId.has(entry.id)) this.#claim(entry);
    this.#put([entry]);
    this.#changed();
  }

  #claim(entry) {
    const item = entry.direction === 'outbound' ? outgoing.claim(entry) : null;
    if (item) this.#aliases.set(entry.id, `p${item.key}`);
  }

  #forget(id) {
    if (!this.#byId.delete(id)) return;
    this.#sort();
    this.#changed();
  }

  #summary(row) {
    if (row.peer !== this.peer) return;
    this.row = row;
    this.#changed();
  }

  /* The answer to a send: the item becomes the stored message, unless the event was faster. */
  #sent({ item, answer }) {
    if (item.peer !== this.peer) return;
    const id = answer.id ?? null;
    if (id !== null && !this.#byId.has(id)) {
      this.#aliases.set(id, `p${item.key}`);
      const at = new Date(item.at).toISOString().slice(0, 19);
      this.#put([{ id, sid: answer.sid, direction: 'outbound', peer: this.peer, to_number: this.peer, from_number: null, body: item.payload.body || '',
        status: answer.status, error: null, error_code: null, created_at: at, updated_at: at, send_at: item.payload.send_at || null,
        source: 'page', media: [], extra: {} }]);
    }
    this.#changed();
  }

  /* A refusal is stored too: when it is there, it is shown instead of the item. */
  async #failed({ item }) {
    if (item.peer !== this.peer) return;
    if (item.id === null) {
      const answer = await api.threadEntries(this.peer, { limit: 5 }).catch(() => ({ items: [] }));
      const stored = answer.items.find(entry => entry.direction === 'outbound' && entry.status === 'failed'
        && (entry.body || '') === (item.payload.body || '') && Date.parse(entry.created_at + 'Z') > item.at - 60000 && !this.#aliases.has(entry.id));
      if (stored) {
        item.id = stored.id;
        this.#aliases.set(stored.id, `p${item.key}`);
        this.#put([stored]);
      }
    }
    if (item.id !== null && this.#byId.has(item.id)) outgoing.discard(item);
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}
