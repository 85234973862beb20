// Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
// What is to go wrong, set by hand.

import { call } from "./api.js";
import { fill, h, $ } from "./dom.js";

const RATES = [
  ["rate_429", "Too many requests (429)", "refused, never processed"],
  ["rate_500", "Server error (500)", "not processed"],
  ["rate_500_after_accept", "Server error after accepting", "processed, yet answered 500"],
  ["rate_reset_after_accept", "Connection reset after accepting", "processed, no answer"],
  ["rate_reset_before", "Connection reset before", "not processed"],
  ["rate_stall", "Stalled answer", "processed, answered much later"],
  ["rate_callback_duplicate", "Duplicate callbacks", "each told twice"],
  ["rate_callback_lost", "Lost callbacks", "never told"],
];
const SWITCHES = [
  ["no_callbacks", "No status callbacks"], ["no_walk", "Messages stay queued"],
  ["callback_shuffle", "Callbacks out of order"], ["whatsapp_window", "WhatsApp's 24-hour window"],
  ["strict_media", "A missing picture fails the message"],
];
const NUMBERS = [["latency_ms", "Latency of each request", "ms"], ["callback_delay_ms", "Delay of callbacks", "ms"],
  ["stall_ms", "Length of a stall", "ms"], ["mps", "Segments per second and sender", "0 = no limit"]];
const FINALS = ["delivered", "undelivered", "failed", "sent"];

function isOn(faults) {
  return RATES.some(([name]) => faults[name] > 0) || ["no_callbacks", "no_walk", "callback_shuffle"].some((n) => faults[n])
    || faults.latency_ms > 0 || faults.callback_delay_ms > 0 || faults.mps > 0 || faults.final !== "delivered";
}

async function set(change) {
  show(await call("PUT", "faults", change));
}

function rate(faults, [name, label, hint]) {
  const out = h("output", {}, `${Math.round(faults[name] * 100)} %`);
  return h("label", { class: "slider" }, h("span", {}, label, h("small", {}, hint)), out,
    h("input", { type: "range", min: "0", max: "100", value: String(Math.round(faults[name] * 100)),
      oninput: (e) => { out.textContent = `${e.target.value} %`; },
      onchange: (e) => set({ [name]: Number(e.target.value) / 100 }) }));
}

function number(faults, [name, label, unit]) {
  return h("label", { class: "number" }, h("span", {}, label, h("small", {}, unit)),
    h("input", { type: "number", min: "0", max: "600000", value: String(faults[name]),
      onchange: (e) => set({ [name]: Number(e.target.value) || 0 }) }));
}

function toggle(faults, [name, label]) {
  return h("label", { class: "switch" }, h("span", {}, label),
    h("input", { type: "checkbox", role: "switch", checked: faults[name], onchange: (e) => set({ [name]: e.target.checked }) }));
}

function ending(faults) {
  return h("div", { class: "ending" },
    h("label", { class: "number" }, h("span", {}, "Messages end as"),
      h("select", { onchange: (e) => set({ final: e.target.value }) },
        FINALS.map((f) => h("option", { value: f, selected: f === faults.final }, f)))),
    ["undelivered", "failed"].includes(faults.final) ? number(faults, ["error_code", "with error", "30003, 30007, ..."]) : null);
}

function show(faults) {
  const panel = $("panel-faults"), scroll = panel.scrollTop;
  $("faults-on").hidden = !isOn(faults);
  fill(panel,
    h("div", { class: "panel-head" }, h("h3", {}, "What goes wrong"),
      h("button", { type: "button", class: "button small", disabled: !isOn(faults),
        onclick: async () => show(await call("DELETE", "faults")) }, "Clear all")),
    ending(faults), NUMBERS.map((n) => number(faults, n)), SWITCHES.map((s) => toggle(faults, s)),
    h("h3", {}, "Chance of each create request"), RATES.map((r) => rate(faults, r)));
  panel.scrollTop = scroll;
}

export async function drawFaults() {
  show(await call("GET", "faults"));
}
