/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * toast.js - short notes at the edge that go away by themselves, read out politely.
 */
import { h, icon } from '../dom.js';

const SHOW_MS = 5000;
let box = null;

/** toast('Copied') or toast(text, {bad: true, action: {label, run}}). */
export function toast(text, { bad = false, action = null } = {}) {
  if (!box) {
    box = h('div', { class: 'toasts', role: 'status', 'aria-live': 'polite' });
    document.body.append(box);
  }
  const note = h('div', { class: bad ? 'toast-note bad' : 'toast-note' }, icon(bad ? 'warning' : 'check'), h('span', {}, text));
  const close = () => note.remove();
  if (action) note.append(h('button', { type: 'button', class: 'toast-action', onclick: () => { close(); action.run(); } }, action.label));
  box.append(note);
  let timer = setTimeout(close, SHOW_MS);
  note.addEventListener('pointerenter', () => clearTimeout(timer));
  note.addEventListener('pointerleave', () => { timer = setTimeout(close, SHOW_MS); });
}
