/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * dom.js - making elements. Strings always become text nodes, never markup.
 */
const SVG = 'http://www.w3.org/2000/svg';
const SPRITE = new URL('../img/icons.svg', import.meta.url);

/* The sprite becomes part of the page: one request, and icons stay when the connection goes. */
fetch(SPRITE).then(answer => answer.text()).then(text => {
  const sprite = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement;
  sprite.setAttribute('aria-hidden', 'true');
  sprite.setAttribute('class', 'sprite');
  document.body.append(document.importNode(sprite, true));
}).catch(() => { /* words stand beside every icon that matters */ });

/**
 * h('button', {class: 'btn', type: 'button', onclick: fn, 'aria-label': t('x')}, icon('send'), 'Send')
 * Properties: `on*` listeners; `data` an object for dataset; booleans set or leave out the attribute;
 * null and undefined are left out. Children: nodes, strings, numbers, arrays of them; null, undefined and false are skipped.
 */
export function h(tag, props, ...children) {
  const el = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) el.addEventListener(name.slice(2), value);
    else if (name === 'data') Object.assign(el.dataset, value);
    else if (name === 'value') el.value = value;
    else el.setAttribute(name, value === true ? '' : value);
  }
  el.append(...flat(children));
  return el;
}

function flat(children) {
  return children.flat(Infinity).filter(c => c !== null && c !== undefined && c !== false)
    .map(c => (c instanceof Node ? c : String(c)));
}

/** Replace everything inside el. */
export function fill(el, ...children) {
  el.replaceChildren(...flat(children));
  return el;
}

/** An icon of our sprite; with a label it speaks, without it is decoration. */
export function icon(name, label) {
  const svg = document.createElementNS(SVG, 'svg');
  const use = document.createElementNS(SVG, 'use');
  svg.setAttribute('class', `ico ico-${name}`);
  if (label) {
    const title = document.createElementNS(SVG, 'title');
    title.textContent = label;
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', label);
    svg.append(title);
  } else {
    svg.setAttribute('aria-hidden', 'true');
  }
  use.setAttribute('href', `#${name}`);
  svg.append(use);
  return svg;
}

/** A square button that shows only an icon. */
export function iconButton(name, label, onclick, props = {}) {
  return h('button', { type: 'button', class: 'btn-icon', title: label, 'aria-label': label, onclick, ...props }, icon(name));
}

/* Signs that turn the direction of writing end an address: they could make it look like another one. */
const LINK = /\bhttps?:\/\/[^\s<>"'\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gi;
const TAIL = /[.,;:!?)\]}»”’]+$/;

/** Text with its http(s) addresses as links; everything else stays text. */
export function linked(text) {
  const out = [];
  let from = 0;
  for (const match of text.matchAll(LINK)) {
    const address = match[0].replace(TAIL, '');
    if (!safeLink(address)) continue;
    out.push(text.slice(from, match.index));
    out.push(h('a', { href: address, dir: 'ltr', target: '_blank', rel: 'noopener noreferrer' }, address));
    from = match.index + address.length;
  }
  out.push(text.slice(from));
  return out.filter(part => part !== '');
}

/** The address when it is one of http or https, else null. */
export function safeLink(address) {
  try {
    const url = new URL(address);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : null;
  } catch {
    return null;
  }
}

/**
 * Make parent's children be `nodes`, in that order, touching only what differs:
 * nodes that stay keep their focus, scroll and playing media.
 */
export function reconcile(parent, nodes) {
  const keep = new Set(nodes);
  for (const child of [...parent.childNodes]) if (!keep.has(child)) child.remove();
  let at = parent.firstChild;
  for (const node of nodes) {
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
}

/** Copy to the clipboard, on plain http too (where navigator.clipboard does not exist). */
export async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = h('textarea', { class: 'visually-hidden', 'aria-hidden': 'true', value: text });
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}
