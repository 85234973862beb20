// Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
// The list of handsets: one row per person, whatever apps the person texts with.

import { fill, h, icon, $ } from "./dom.js";
import { bare, brief, hue, initials, isWhatsApp, phone, preview } from "./format.js";

/** A round picture with initials. */
export function avatar(name, address, extra = "") {
  return h("span", { class: `avatar hue-${hue(address)} ${extra}`.trim(), "aria-hidden": "true" },
    initials(name, address));
}

function marker(message) {
  if (message.status === "failed" || message.status === "undelivered" || message.webhook === "failed")
    return icon("bang", "failed", "bad");
  return message.direction === "inbound" ? h("span", { class: "you" }, "You: ") : null;
}

function row(person, selected, pick) {
  const last = person.last;
  const current = bare(selected || "") === person.number;
  return h("li", {
    role: "option", id: `p-${person.number.replace(/\W/g, "")}`, class: "person", tabindex: current ? "0" : "-1",
    "aria-selected": String(current), onclick: () => pick(person), "data-number": person.number,
  },
  avatar(person.name, person.number),
  h("div", { class: "person-text" },
    h("div", { class: "person-line" },
      h("span", { class: "person-name" }, person.name || phone(person.number)),
      last && h("time", { datetime: last.created }, brief(last.created))),
    h("div", { class: "person-line" },
      last ? h("span", { class: "person-preview" },
        icon(isWhatsApp(person.lastAddress) ? "whatsapp" : "sms", null, "app-mark"), marker(last), preview(last))
        : h("span", { class: "person-preview" }, person.name ? phone(person.number) : "No messages yet"),
      person.unread ? h("span", { class: "unread", "aria-label": `${person.unread} unread` }, String(person.unread)) : null)));
}

/** Draw the list; pick(person) is called on a click or Enter. */
export function drawPeople(people, selected, words, pick) {
  const list = $("people"), scroll = list.scrollTop;
  const found = people.filter((p) => !words
    || `${p.name} ${p.number} ${phone(p.number)}`.toLowerCase().includes(words.toLowerCase()));
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.number : null;
  const rows = found.map((p) => row(p, selected, pick));
  if (rows.length && !rows.some((r) => r.getAttribute("aria-selected") === "true")) rows[0].tabIndex = 0;
  if (!rows.length) {
    rows.push(h("li", { class: "empty-list" }, words ? `No handset matches “${words}”.`
      : "Handsets appear here when they text the system or are texted by it. Add one with +."));
  }
  fill(list, rows);
  list.scrollTop = scroll;
  if (focused) list.querySelector(`[data-number="${CSS.escape(focused)}"]`)?.focus();
}

/** Arrows and j/k move, Enter opens. */
export function keys(event) {
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  const rows = [...event.currentTarget.querySelectorAll(".person")];
  const at = rows.indexOf(document.activeElement);
  if (step && at >= 0) {
    rows[Math.max(0, Math.min(rows.length - 1, at + step))].focus();
    event.preventDefault();
  } else if (event.key === "Enter" && at >= 0) {
    rows[at].click();
  }
}
