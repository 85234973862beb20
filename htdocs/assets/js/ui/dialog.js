/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * dialog.js - modal questions on the browser's own <dialog>: focus, Esc and the backdrop are its business.
 */
import { h, iconButton } from '../dom.js';
import { t } from '../i18n.js';

let count = 0;

/**
 * Show a dialog; resolves with what `close(value)` is given, null when it was dismissed.
 * build(close) returns the content below the title.
 */
export function openDialog(title, build) {
  return new Promise(resolve => {
    let answer = null;
    const before = document.activeElement;
    const id = `dlg-${++count}`;
    const close = value => { answer = value ?? null; dialog.close(); };
    const dialog = h('dialog', { class: 'sheet', 'aria-labelledby': id },
      h('div', { class: 'sheet-head' }, h('h2', { id }, title), iconButton('close', t('action.close'), () => close(null))),
      build(close));
    dialog.addEventListener('click', event => { if (event.target === dialog) close(null); });
    dialog.addEventListener('close', () => {
      dialog.remove();
      before?.focus?.();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector('[autofocus]')?.focus();
  });
}

/** Ask once, with the exact consequence. Resolves true or false. What cannot be undone is not a stray Enter away. */
export async function ask(title, text, label, { danger = false } = {}) {
  const yes = await openDialog(title, close => h('div', { class: 'sheet-body' },
    h('p', {}, text),
    h('div', { class: 'sheet-foot' },
      h('button', { type: 'button', class: 'btn btn-outline', autofocus: danger, onclick: () => close(false) }, t('action.keep')),
      h('button', { type: 'button', class: danger ? 'btn btn-danger' : 'btn btn-accent', autofocus: !danger, onclick: () => close(true) }, label))));
  return yes === true;
}
