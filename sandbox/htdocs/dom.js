// Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
// Elements without markup: everything shown is text.

/** An element: h("p", {class: "x", onclick: f}, "text", child, ...). Lists are flattened, null and false are left out. */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...shown(children));
  return element;
}

const shown = (children) => children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false);

/** Put other children into an element; what is left out by h is left out here. */
export function fill(element, ...children) {
  element.replaceChildren(...shown(children));
}

/** An icon of the sprite; label makes it speak, without one it is decoration. */
export function icon(name, label, extra = "") {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  const use = document.createElementNS(ns, "use");
  use.setAttribute("href", `icons.svg#${name}`);
  svg.setAttribute("class", `i-${name} ${extra}`.trim());
  svg.append(use);
  if (!label) {
    svg.setAttribute("aria-hidden", "true");
    return svg;
  }
  const title = document.createElementNS(ns, "title");
  title.textContent = label;
  svg.setAttribute("role", "img");
  svg.prepend(title);
  return svg;
}

export const $ = (id) => document.getElementById(id);
