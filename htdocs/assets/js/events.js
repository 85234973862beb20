/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * events.js - what is new, as it happens. One Live per page: a stream of Server-Sent Events that resumes
 * where it ended, polling when streams do not get through, and a state people can be shown.
 *
 * Fires: "message" (detail: entry), "removed" (detail: {id}), "conversation" (detail: thread row), "reset" (fetch everything again),
 * "state" (detail: {name, seconds}) with name
 *   connecting · live · polling · retrying (seconds until the next attempt) · offline · denied · off (nothing is followed here)
 */
import { url } from './api.js';

const BACKOFF_S = [3, 5, 10, 20, 30];
const STREAM_FAILURES = 2;              /* in a row before polling takes over */
const POLL_SPAN_MS = [15000, 300000];   /* then streams get another chance: after an outage soon, where they never work seldom */
const POLL_PAUSE_MS = 2000;             /* between answers that came at once */
const POLL_TIMEOUT_MS = 70000;
const STOOD_MS = 5000;
const OPEN_TIMEOUT_MS = 10000;
const HIDDEN_MS = 60000;                /* a page nobody sees gives its connection back */
const KINDS = ['message', 'removed', 'conversation', 'reset'];

export class Live extends EventTarget {
  #cursor = null;
  #source = null;
  #abort = null;
  #timer = null;
  #failures = 0;
  #streamFailures = 0;
  #streamAgainAt = 0;
  #pollSpan = POLL_SPAN_MS[0];
  #generation = 0;
  #opened = false;
  #late = false;
  #hiddenTimer = null;
  state = { name: 'connecting', seconds: 0 };

  constructor() {
    super();
    addEventListener('online', () => this.#again());
    addEventListener('offline', () => { if (this.state.name !== 'off') { this.#stop(); this.#say('offline'); } });
    addEventListener('pagehide', () => this.#stop());
    addEventListener('pageshow', event => { if (event.persisted) this.#again(); });
    document.addEventListener('visibilitychange', () => this.#visibility());
  }

  start() {
    if (navigator.onLine === false) this.#say('offline');
    else this.#connect();
  }

  /** This reader may follow nothing. */
  off() {
    this.#stop();
    this.#say('off');
  }

  /**
   * Resolves when the first connection stands, so that data fetched then misses nothing; after patience_ms at
   * the latest, and then "reset" follows once the connection does stand.
   */
  ready(patience_ms = 300) {
    if (this.#opened) return Promise.resolve();
    return new Promise(resolve => {
      const timer = setTimeout(() => { this.#late = true; resolve(); }, patience_ms);
      this.addEventListener('open', () => { clearTimeout(timer); resolve(); }, { once: true });
    });
  }

  retryNow() {
    this.#stop();
    this.#connect();
  }

  #again() {
    if (this.state.name !== 'off') this.retryNow();
  }

  #connect() {
    const generation = ++this.#generation;
    if (this.state.name !== 'live' && this.state.name !== 'polling') this.#say('connecting');
    const poll = this.#streamFailures >= STREAM_FAILURES && Date.now() < this.#streamAgainAt;
    if (poll || typeof EventSource === 'undefined') this.#poll(generation);
    else this.#stream(generation);
  }

  #stream(generation) {
    const source = new EventSource(url('api/events', { after: this.#cursor }));
    let openedAt = 0;
    const late = setTimeout(() => lost(), OPEN_TIMEOUT_MS);
    const lost = () => {
      clearTimeout(late);
      source.close();
      if (generation !== this.#generation) return;
      this.#source = null;
      this.#streamEnded(openedAt ? Date.now() - openedAt : 0);
    };
    this.#source = source;
    source.onopen = () => {
      if (generation !== this.#generation) return source.close();
      clearTimeout(late);
      openedAt = Date.now();
      if (this.#opened) this.#connected('live');
    };
    /* Only now does the server know where this page stands; an open connection alone may miss what comes in between. */
    source.addEventListener('ready', event => {
      this.#cursor = event.lastEventId || this.#cursor;
      if (!this.#opened && generation === this.#generation) this.#connected('live');
    });
    source.onerror = lost;
    for (const kind of KINDS) source.addEventListener(kind, event => this.#take(kind, event.data, event.lastEventId));
  }

  /* Bounded streams end by themselves: one that stood a while is opened again at once, and nobody need know. */
  #streamEnded(stood_ms) {
    if (stood_ms > STOOD_MS) {
      this.#streamFailures = 0;
      this.#pollSpan = POLL_SPAN_MS[0];
      return this.#connect();
    }
    this.#streamFailures++;
    if (this.#streamFailures >= STREAM_FAILURES) {
      this.#streamAgainAt = Date.now() + this.#pollSpan;
      this.#pollSpan = Math.min(this.#pollSpan * 2, POLL_SPAN_MS[1]);
      return this.#connect();
    }
    this.#retryLater();
  }

  async #poll(generation) {
    while (generation === this.#generation) {
      const began = Date.now();
      this.#abort = new AbortController();
      const timer = setTimeout(() => this.#abort?.abort(), POLL_TIMEOUT_MS);
      try {
        const response = await fetch(url('api/events', { poll: 1, after: this.#cursor }),
          { credentials: 'same-origin', headers: { Accept: 'application/json' }, signal: this.#abort.signal });
        if (response.status === 401 || response.status === 403) return this.#denied();
        if (!response.ok) throw new Error(`HTTP ${response.status}`);
        const answer = await response.json();
        if (generation !== this.#generation) return;
        this.#connected('polling');
        for (const { event, data } of answer.events || []) this.#fire(event, data);
        this.#cursor = answer.cursor ?? this.#cursor;
      } catch {
        if (generation === this.#generation) this.#retryLater();
        return;
      } finally {
        clearTimeout(timer);
      }
      if (Date.now() > this.#streamAgainAt) return this.#connect();
      const rest = POLL_PAUSE_MS - (Date.now() - began);
      if (rest > 0) await new Promise(resolve => setTimeout(resolve, rest));
    }
  }

  #connected(name) {
    const first = !this.#opened;
    const missed = !first && this.#cursor === null;     /* no telling what came meanwhile */
    this.#opened = true;
    this.#failures = 0;
    this.#say(name);
    if (first) this.dispatchEvent(new Event('open'));
    if (missed || (first && this.#late)) this.#fire('reset', {});
  }

  #denied() {
    this.#stop();
    this.#say('denied');
  }

  #retryLater() {
    if (navigator.onLine === false) return this.#say('offline');
    const generation = ++this.#generation;
    let seconds = BACKOFF_S[Math.min(this.#failures++, BACKOFF_S.length - 1)];
    const tick = () => {
      if (generation !== this.#generation) return;
      if (seconds <= 0) return this.#connect();
      this.#say('retrying', seconds--);
      this.#timer = setTimeout(tick, 1000);
    };
    tick();
  }

  #stop() {
    this.#generation++;
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
    this.#abort?.abort();
    this.#abort = null;
  }

  #visibility() {
    clearTimeout(this.#hiddenTimer);
    if (this.state.name === 'off') return;
    if (document.hidden) {
      this.#hiddenTimer = setTimeout(() => { this.#stop(); this.#say('connecting'); }, HIDDEN_MS);
    } else if (!this.#source && !this.#abort) {
      this.retryNow();
    }
  }

  #take(kind, text, id) {
    if (id) this.#cursor = id;
    let data = {};
    try { data = text ? JSON.parse(text) : {}; } catch { return; }
    this.#fire(kind, data);
  }

  #fire(kind, data) {
    if (KINDS.includes(kind)) this.dispatchEvent(new CustomEvent(kind, { detail: data }));
  }

  #say(name, seconds = 0) {
    this.state = { name, seconds };
    this.dispatchEvent(new CustomEvent('state', { detail: this.state }));
  }
}

export const live = new Live();
