/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * problem.js - what went wrong, in words: said by the server, or known by its code.
 */
import { h, icon } from '../dom.js';
import { known, said, t } from '../i18n.js';

/** A sentence for an ApiError or a kept {status, code, said}. */
export function problemText(error) {
  const code = error?.code;
  if (code !== null && code !== undefined && known(`problem.${code}`)) return t(`problem.${code}`);
  if (error?.status === 401 || error?.status === 403) return t('problem.denied');
  if (error?.said) return said(error.said);
  if (error?.status === 503 || error?.status === 429) return t('problem.busy');
  return t(error?.status ? 'problem.server' : 'problem.network');
}

/** A block in place of what could not be shown, with a way to try again. */
export function problemBlock(error, again) {
  return h('div', { class: 'empty', role: 'alert' },
    h('span', { class: 'empty-mark bad' }, icon('warning')),
    h('h2', {}, t('problem.title')),
    h('p', {}, problemText(error)),
    again && h('button', { type: 'button', class: 'btn btn-outline', onclick: again }, icon('retry'), t('action.try_again')));
}

/** What will be here and how to make it so. */
export function emptyBlock(name, title, text, ...actions) {
  return h('div', { class: 'empty' }, h('span', { class: 'empty-mark' }, icon(name)), h('h2', {}, title), h('p', {}, text), ...actions);
}
