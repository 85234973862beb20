/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * keys.js - one-letter shortcuts, two-letter ones after "g", and the list of them behind "?".
 */
const table = new Map();
let prefix = null;
let prefixTimer = null;

/** on('j', t('keys.next'), fn) or on('g i', …). Listed in the order they were registered; no label: not listed. */
export function on(keys, label, run) {
  table.set(keys, { label, run });
}

/** [[keys, label]…] for the help dialog. */
export const list = () => [...table].filter(([, row]) => row.label).map(([keys, row]) => [keys, row.label]);

function typing(target) {
  return target.isContentEditable || ['TEXTAREA', 'SELECT'].includes(target.tagName)
    || (target.tagName === 'INPUT' && !['checkbox', 'radio', 'button'].includes(target.type));
}

function nameOf(event) {
  if (event.key === 'ArrowDown') return 'j';
  if (event.key === 'ArrowUp') return 'k';
  return event.key;
}

document.addEventListener('keydown', event => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const inText = typing(event.target);
  if ((inText && event.key !== 'Escape') || document.querySelector('dialog[open], [role=menu]')) return;
  if (event.key.startsWith('Arrow') && event.target.closest?.('[role=radiogroup], [role=tablist], .stream')) return;
  const name = prefix ? `${prefix} ${event.key}` : nameOf(event);
  clearTimeout(prefixTimer);
  prefix = null;
  if (event.key === 'g' && !inText && !name.startsWith('g ')) {
    prefix = 'g';
    prefixTimer = setTimeout(() => { prefix = null; }, 1200);
    return;
  }
  const row = table.get(name);
  if (!row || row.run(event) === false) return;
  event.preventDefault();
});

/** Move the focus within a list of rows by +1 or -1; from outside it enters at `current` or the first. */
export function step(rows, by, current = null) {
  if (!rows.length) return false;
  const at = rows.indexOf(document.activeElement);
  const start = at >= 0 ? at + by : Math.max(0, rows.indexOf(current) + (current ? by : 0));
  const row = rows[Math.min(Math.max(start, 0), rows.length - 1)];
  row.focus();
  row.scrollIntoView({ block: 'nearest' });
  return true;
}
