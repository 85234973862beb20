// Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
// What happened to a message, and what was called because of it.

import { call } from "./api.js";
import { fill, h, icon, $ } from "./dom.js";
import { clock, exact, phone } from "./format.js";

function fact(name, value, copy) {
  return [h("dt", {}, name), h("dd", {}, copy ? h("code", {}, value) : value)];
}

function statusPill(message) {
  const bad = ["failed", "undelivered", "canceled"].includes(message.status);
  const done = ["delivered", "read", "received"].includes(message.status);
  return h("span", { class: `pill ${bad ? "bad" : done ? "good" : "wait"}` }, message.status);
}

function facts(message) {
  const rows = [
    fact("From", phone(message.from || "not picked yet")), fact("To", phone(message.to)),
    fact("Direction", message.direction), fact("Segments", String(message.segments)),
    fact("Created", exact(message.created)), fact("Changed", exact(message.updated)),
    fact("SID", message.sid, true), fact("Account", message.account_sid, true),
  ];
  for (const [name, value] of Object.entries(message.extra)) rows.push(fact(name, value));
  return h("dl", { class: "facts" }, rows);
}

function answerPill(hook) {
  if (hook.error_code) return h("span", { class: "pill bad" }, hook.status ? String(hook.status) : String(hook.error_code));
  return h("span", { class: "pill good" }, String(hook.status));
}

function parameters(params) {
  return h("dl", { class: "facts" }, Object.entries(params).map(([name, value]) => [h("dt", {}, name),
    h("dd", {}, Array.isArray(value) ? value.join(", ") : value || h("span", { class: "muted" }, "empty"))]));
}

function what(hook) {
  if (hook.kind === "status") return hook.params.MessageStatus || "status";
  return hook.kind === "inbound" ? `from ${phone(hook.params.From || "")}` : hook.kind;
}

function hookRow(hook, open) {
  const url = new URL(hook.url, location.href);
  return h("details", { class: "hook", "data-id": String(hook.id), open: open.has(String(hook.id)) },
    h("summary", {}, h("span", { class: `kind ${hook.kind}` }, hook.kind),
      h("span", { class: "hook-what" }, what(hook), h("small", {}, url.pathname)),
      answerPill(hook), h("time", { title: exact(hook.time) }, clock(hook.time))),
    h("div", { class: "hook-body" },
      h("p", { class: "hook-line" }, h("code", {}, `${hook.method} ${hook.url}`)),
      h("p", { class: "small muted" }, `${hook.took_ms.toFixed(1)} ms, attempt ${hook.attempt}`,
        hook.error_code ? `, error ${hook.error_code}` : "", hook.note ? `, ${hook.note}` : ""),
      hook.answer ? h("pre", {}, hook.answer) : h("p", { class: "small muted" }, "empty answer"),
      Object.keys(hook.params).length ? parameters(hook.params) : null));
}

function hookList(hooks, panel) {
  const open = new Set([...panel.querySelectorAll("details[open]")].map((d) => d.dataset.id));
  return hooks.map((hook) => hookRow(hook, open));
}

/** The selected message with its webhooks; null explains what will stand here. */
export async function drawMessage(message) {
  const panel = $("panel-message");
  if (!message) {
    fill(panel, h("div", { class: "nothing" }, icon("info"),
      h("p", {}, "Choose a message to see what happened to it."),
      h("p", { class: "small" }, "Its status, its segments, and every webhook it caused.")));
    return;
  }
  const { webhooks } = await call("GET", `webhooks?sid=${message.sid}&limit=40`);
  fill(panel,
    h("div", { class: "panel-head" }, h("h3", {}, message.direction === "inbound" ? "To the system" : "From the system"),
      statusPill(message)),
    message.error ? h("p", { class: "alert" }, h("strong", {}, String(message.error_code)), ` ${message.error}`) : null,
    facts(message),
    h("h3", {}, "Webhooks"),
    webhooks.length ? h("div", { class: "hooks" }, hookList(webhooks, panel))
      : h("p", { class: "small muted" }, message.carrier ? "Sent by the carrier itself; the application is not told."
        : "None yet: no callback URL was given, or it is not due."));
}

/** The latest webhooks of all messages. */
export async function drawWebhooks() {
  const panel = $("panel-webhooks");
  const { webhooks } = await call("GET", "webhooks?limit=60");
  fill(panel, h("div", { class: "panel-head" }, h("h3", {}, "Latest calls"),
    h("button", { type: "button", class: "button small", disabled: !webhooks.length, onclick: async () => {
      await call("DELETE", "webhooks");
      drawWebhooks();
    } }, "Clear")),
  webhooks.length ? h("div", { class: "hooks" }, hookList(webhooks.reverse(), panel))
    : h("p", { class: "small muted" }, "Each call of the application's webhooks will stand here with its answer."));
}

/** Wire the tabs; onOpen(name) when one is chosen. */
export function wireTabs(onOpen) {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const choose = (tab) => {
    for (const one of tabs) {
      one.setAttribute("aria-selected", String(one === tab));
      one.tabIndex = one === tab ? 0 : -1;
      $(one.getAttribute("aria-controls")).hidden = one !== tab;
    }
    onOpen(tab.id.replace("tab-", ""));
  };
  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = tabs[(i + step + tabs.length) % tabs.length];
      next.focus();
      choose(next);
    });
  });
  return (name) => choose($(`tab-${name}`));
}
