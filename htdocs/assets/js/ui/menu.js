/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * menu.js - a menu that drops from a button, after the ARIA menu-button pattern.
 */
import { h, icon } from '../dom.js';

let open = null;

function shut(focusButton) {
  if (!open) return;
  const { menu, button } = open;
  open = null;
  menu.remove();
  button.setAttribute('aria-expanded', 'false');
  if (focusButton) button.focus();
}

function row(item) {
  if (item === '-') return h('div', { class: 'menu-line', role: 'separator' });
  if (item.heading) return h('div', { class: 'menu-heading', role: 'presentation' }, item.heading);
  const radio = item.checked !== undefined;
  return h('button', {
    type: 'button', class: item.danger ? 'menu-item danger' : 'menu-item', role: radio ? 'menuitemradio' : 'menuitem', tabindex: '-1',
    'aria-checked': radio ? String(item.checked) : null, onclick: () => { shut(true); item.run(); },
  }, icon(item.icon || 'check'), h('span', {}, item.label), item.checked && icon('check'));
}

function place(menu, button) {
  const box = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = box.bottom + 4 + height < innerHeight - 8;
  const left = box.left + width < innerWidth - 8 ? box.left : box.right - width;
  menu.style.left = `${Math.max(8, left)}px`;
  menu.style.top = `${below ? box.bottom + 4 : Math.max(8, box.top - height - 4)}px`;
}

function navigate(event, menu) {
  const items = [...menu.querySelectorAll('.menu-item')];
  const at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
  if (to !== undefined) {
    event.preventDefault();
    items[to % items.length].focus();
  } else if (event.key === 'Tab') {
    event.preventDefault();
    event.stopPropagation();
    shut(true);
  }
}

/** Give a button a menu. items(): array of {icon, label, run, danger?, checked?}, {heading} and '-', made when it opens. */
export function attachMenu(button, items) {
  button.setAttribute('aria-haspopup', 'menu');
  button.setAttribute('aria-expanded', 'false');
  button.addEventListener('click', event => {
    event.stopPropagation();
    if (open?.button === button) return shut(true);
    shut(false);
    const menu = h('div', { class: 'menu', role: 'menu', 'aria-label': button.getAttribute('aria-label') || button.textContent }, items().map(row));
    menu.addEventListener('keydown', e => navigate(e, menu));
    (button.closest('dialog') || document.body).append(menu);
    open = { menu, button };
    button.setAttribute('aria-expanded', 'true');
    place(menu, button);
    menu.querySelector('.menu-item')?.focus();
  });
  return button;
}

document.addEventListener('click', event => { if (open && !open.menu.contains(event.target)) shut(false); });
addEventListener('resize', () => shut(false));
addEventListener('scroll', event => { if (open && !open.menu.contains(event.target)) shut(false); }, true);
document.addEventListener('keydown', event => {
  if (!open || event.key !== 'Escape') return;
  event.preventDefault();
  event.stopPropagation();
  shut(true);
}, true);
