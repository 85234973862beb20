/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * attach.js - asks for the address of a file to send along. Twilio fetches it, so it must be public.
 */
import { h, safeLink } from '../dom.js';
import { t } from '../i18n.js';
import { openDialog } from './dialog.js';

/** The last part of the path, for a chip. */
export function fileName(address) {
  const url = new URL(address);
  const last = url.pathname.split('/').filter(Boolean).pop();
  try { return decodeURIComponent(last || url.hostname); } catch { return last; }
}

/** Resolves with an http(s) address, or null. */
export function askLink() {
  return openDialog(t('attach.title'), close => {
    const input = h('input', { type: 'url', class: 'form-control', id: 'attach-url', placeholder: 'https://', autofocus: true, autocomplete: 'off' });
    const wrong = h('p', { class: 'field-error', role: 'alert', hidden: true }, t('attach.wrong'));
    const submit = event => {
      event.preventDefault();
      const link = safeLink(input.value.trim());
      wrong.hidden = link !== null;
      if (link) close(link);
    };
    return h('form', { class: 'sheet-body', novalidate: true, onsubmit: submit },
      h('label', { class: 'form-label', for: 'attach-url' }, t('attach.label')), input, wrong,
      h('p', { class: 'hint' }, t('attach.hint')),
      h('div', { class: 'sheet-foot' }, h('button', { type: 'submit', class: 'btn btn-accent' }, t('attach.add'))));
  });
}
