/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * section.js - a part of a settings page: what it is about on the left, what can be done on the right.
 */
import { h } from '../dom.js';

/** A section with an id for its heading. */
export function section(id, title, text, ...content) {
  return h('section', { class: 'setting', 'aria-labelledby': id },
    h('div', { class: 'setting-about' }, h('h2', { id }, title), h('p', {}, text)),
    h('div', { class: 'card-box card-pad' }, content));
}
