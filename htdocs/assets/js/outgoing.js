/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * outgoing.js - messages typed here that the server has not confirmed yet. Each keeps its Idempotency-Key
 * from the first attempt to the last, across reloads, so that trying again never makes a second message.
 *
 * An item: {key, peer, payload, at, state, id, error}; state: waiting · sending · failed.
 * Fires "change" (detail: item), "sent" (detail: {item, answer}), "failed" (detail: {item, error}).
 */
import * as api from './api.js';
import { keep, onKept, recall } from './keep.js';

const NAME = 'outgoing';
const PAUSE_MS = [2000, 4000, 8000, 15000, 30000];
const KEY_LIFE_MS = 23 * 3600 * 1000;   /* the server remembers keys for 24 h */

class Outgoing extends EventTarget {
  #items = recall(NAME, []);
  #busy = new Set();
  #tries = new Map();

  constructor() {
    super();
    addEventListener('online', () => this.flush());
    onKept(name => { if (name === NAME) this.#merge(recall(NAME, [])); });
  }

  /** Items of one conversation, oldest first. */
  of(peer) {
    return this.#items.filter(item => item.peer === peer);
  }

  /** Take over a message and hand it to the server as soon as that is possible. */
  send(peer, payload) {
    const item = { key: api.newKey(), peer, payload, at: Date.now(), state: 'waiting', id: null, error: null };
    this.#items.push(item);
    this.#changed(item);
    this.#attempt(item);
    return item;
  }

  /** Everything that waits, for instance from before a reload. */
  flush() {
    for (const item of this.#items) if (item.state !== 'failed') this.#attempt(item);
  }

  /** Try a failed one again. It was refused for certain, so it is a new request with a new key. */
  retry(item) {
    Object.assign(item, { key: api.newKey(), at: Date.now(), state: 'waiting', error: null });
    this.#changed(item);
    this.#attempt(item);
  }

  discard(item) {
    this.#items = this.#items.filter(other => other !== item);
    keep(NAME, this.#items);
    this.dispatchEvent(new CustomEvent('change', { detail: item }));
  }

  /** The item this stored message came from, when its answer is still on the way; marks it as found. */
  claim(entry) {
    const item = this.#items.find(i => i.peer === entry.peer && i.id === null && i.state !== 'failed'
      && (i.payload.body || '') === (entry.body || '') && entry.direction === 'outbound');
    if (item) item.id = entry.id;
    return item || null;
  }

  async #attempt(item) {
    if (this.#busy.has(item.key)) return;
    if (navigator.onLine === false) return this.#changed(item, 'waiting');
    if (Date.now() - item.at > KEY_LIFE_MS) return this.#fail(item, { code: 'stale', said: null, status: 0 });
    const key = item.key;
    this.#busy.add(key);
    this.#changed(item, 'sending');
    try {
      const answer = await api.send(item.payload, key);
      this.#tries.delete(key);
      this.#items = this.#items.filter(other => other !== item);
      keep(NAME, this.#items);
      this.dispatchEvent(new CustomEvent('sent', { detail: { item, answer } }));
    } catch (error) {
      if (error.passing || error.status === 409) this.#later(item, error);
      else this.#fail(item, error);
    } finally {
      this.#busy.delete(key);
    }
  }

  #later(item, error) {
    const tries = this.#tries.get(item.key) || 0;
    const pause = error.retryAfter ? error.retryAfter * 1000 : PAUSE_MS[Math.min(tries, PAUSE_MS.length - 1)];
    this.#tries.set(item.key, tries + 1);
    this.#changed(item, 'waiting');
    setTimeout(() => { if (this.#items.includes(item)) this.#attempt(item); }, pause);
  }

  #fail(item, error) {
    item.error = { status: error.status, code: error.code, said: error.said };
    this.#changed(item, 'failed');
    this.dispatchEvent(new CustomEvent('failed', { detail: { item, error: item.error } }));
  }

  #changed(item, state = item.state) {
    item.state = state;
    keep(NAME, this.#items);
    this.dispatchEvent(new CustomEvent('change', { detail: item }));
  }

  /* Another tab added or finished something: same list, our objects where we have them. */
  #merge(kept) {
    const ours = new Map(this.#items.map(item => [item.key, item]));
    this.#items = kept.map(item => (ours.has(item.key) ? ours.get(item.key) : item));
    for (const item of ours.values()) if (this.#busy.has(item.key) && !this.#items.includes(item)) this.#items.push(item);
    this.dispatchEvent(new CustomEvent('change', { detail: null }));
  }
}

export const outgoing = new Outgoing();
