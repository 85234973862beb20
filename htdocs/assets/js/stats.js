/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * stats.js - the counters, fetched once for everything on a page that shows them and again, not too
 * often, when something happened. Fires "change" (detail: counters) and "error" (detail: ApiError).
 */
import * as api from './api.js';
import { live } from './events.js';

const SETTLE_MS = 700;
const HIDDEN_EVERY_MS = 30000;
const AGAIN_MS = 5000;                  /* after a failure */

class Stats extends EventTarget {
  value = null;
  #timer = null;
  #running = false;

  constructor() {
    super();
    /* Counters may be half a second old. What happened between those the page began with and its stream, nobody tells it: "open". */
    for (const kind of ['open', 'message', 'removed', 'conversation', 'reset']) live.addEventListener(kind, () => this.soon());
    setInterval(() => { if (document.hidden) this.refresh(); }, HIDDEN_EVERY_MS);
  }

  soon() {
    if (!this.#timer) this.#timer = setTimeout(() => { this.#timer = null; this.refresh(); }, SETTLE_MS);
  }

  async refresh() {
    if (this.#running) return this.soon();
    this.#running = true;
    try {
      this.value = await api.stats();
      this.dispatchEvent(new CustomEvent('change', { detail: this.value }));
    } catch (error) {
      this.dispatchEvent(new CustomEvent('error', { detail: error }));
      setTimeout(() => this.soon(), AGAIN_MS);
    } finally {
      this.#running = false;
    }
  }
}

export const stats = new Stats();
