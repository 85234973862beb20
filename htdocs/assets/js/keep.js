/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * keep.js - what a browser keeps between visits, per mount: drafts, messages not yet handed over.
 * A browser that refuses storage loses nothing but the memory of it.
 */
import { ROOT } from './api.js';

const PREFIX = `twchat:${ROOT.pathname}:`;
const memory = new Map();

/** The kept value (JSON) or fallback. */
export function recall(name, fallback = null) {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? (memory.get(name) ?? fallback) : JSON.parse(text);
  } catch {
    return memory.get(name) ?? fallback;
  }
}

/** Keep a value; null or undefined forgets it. */
export function keep(name, value) {
  const empty = value === null || value === undefined;
  if (empty) memory.delete(name);
  else memory.set(name, value);
  try {
    if (empty) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch { /* full or forbidden: memory has it */ }
}

/** Call back with the name when another tab keeps something. */
export function onKept(listener) {
  addEventListener('storage', event => {
    if (event.key && event.key.startsWith(PREFIX)) listener(event.key.slice(PREFIX.length));
  });
}

const draftName = peer => `draft:${peer}`;
/** The draft of a conversation: {body, media, send_at} or null. */
export const draftOf = peer => recall(draftName(peer));
export function keepDraft(peer, draft) {
  const empty = !draft || (!draft.body && !(draft.media || []).length);
  keep(draftName(peer), empty ? null : draft);
}
