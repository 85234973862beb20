// Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
// The handset itself: a telephone with two apps, texts and WhatsApp.

import { fill, h, icon } from "./dom.js";
import { clock, day, exact, hue, initials, phone } from "./format.js";
import { avatar } from "./people.js";

const QUICK = ["Hello", "STOP", "START", "HELP"];

// What a status looks like: icon, words, class.
const STATUS = {
  accepted: ["clock", "accepted"], scheduled: ["clock", "scheduled"], queued: ["clock", "queued"],
  sending: ["clock", "sending"], sent: ["tick", "sent"], delivered: ["ticks", "delivered"],
  read: ["ticks", "read", "blue"], undelivered: ["bang", "undelivered", "bad"], failed: ["bang", "failed", "bad"],
  canceled: ["bang", "canceled", "bad"],
};
const WEBHOOK = {
  none: ["tick", "sent; the number has no webhook"], called: ["tick", "sent; the webhook is being called"],
  taken: ["ticks", "taken by the application"], failed: ["bang", "the webhook failed", "bad"],
};

function mark(message) {
  if (message.local === "sending") return icon("clock", "sending");
  if (message.local === "failed") return icon("bang", "not sent", "bad");
  const [name, words, extra] = message.direction === "inbound" ? WEBHOOK[message.webhook] : STATUS[message.status];
  return icon(name, words, extra || "");
}

function picture(media) {
  if (media.type.startsWith("image/") && (media.ready || media.blob)) {
    return h("a", { class: "picture", href: media.blob || media.url, target: "_blank", rel: "noopener" },
      h("img", { src: media.blob || media.url, alt: "picture", loading: "lazy" }));
  }
  if (media.ready && /^(audio|video)\//.test(media.type))
    return h(media.type.split("/")[0], { src: media.url, controls: true, class: "clip" });
  return h(media.ready ? "a" : "span", { class: "file", href: media.ready ? media.url : null },
    icon(media.type.startsWith("image/") ? "picture" : "file"),
    h("span", {}, media.ready ? media.type : "not fetched", h("small", {}, media.source || media.type)));
}

// Only http and https become links; everything is text.
function linked(text) {
  return text.split(/(https?:\/\/[^\s<>"']+)/).map((part, i) => (i % 2
    ? h("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part) : part));
}

function place(extra) {
  return h("div", { class: "place" }, icon("place"),
    h("span", {}, extra.Label || "Location", h("small", {}, `${extra.Latitude}, ${extra.Longitude}`)));
}

function bubble(message, context) {
  const mine = message.direction === "inbound" || message.local;
  const failed = message.error || message.webhook === "failed" || message.local === "failed";
  const picked = message.extra.ButtonText || message.extra.ListTitle;
  const chosen = (event) => {
    if (event.target.closest("a, audio, video") || (event.key && event.key !== "Enter" && event.key !== " ")) return;
    if (event.key) event.preventDefault();
    context.inspect(message);
  };
  // No button element: a bubble may hold links.
  return h("div", {
    role: "button", tabindex: "0", class: `bubble ${mine ? "out" : "in"}${message.carrier ? " carrier" : ""}${failed ? " failed" : ""}`,
    "aria-pressed": String(context.sid === message.sid), "data-sid": message.sid, onclick: chosen, onkeydown: chosen,
  },
  message.media.map(picture),
  message.extra.Latitude ? place(message.extra) : null,
  message.body || picked ? h("span", { class: "words", dir: "auto" }, linked(message.body || picked)) : null,
  h("span", { class: "meta" }, h("time", { datetime: message.created, title: exact(message.created) },
    clock(message.created)), message.carrier ? h("span", {}, "carrier") : mark(message)));
}

function reason(message, context) {
  if (message.local === "failed") {
    return h("p", { class: "reason out" }, `Not sent: ${message.why} `,
      h("button", { type: "button", class: "link", onclick: () => context.resend(message) }, "Try again"));
  }
  if (message.error) return h("p", { class: "reason in" }, `${message.error_code}: ${message.error}`);
  if (message.webhook === "failed")
    return h("p", { class: "reason out" }, `The application did not take it (${message.webhook_error}).`);
  return null;
}

/** The chat's content, grouped by day and by sender and minute. */
export function drawChat(chat, messages, context) {
  const atEnd = chat.scrollHeight - chat.scrollTop - chat.clientHeight < 60;
  const fresh = chat.dataset.key !== context.key;
  const parts = [];
  let before = null;
  for (const message of messages) {
    if (!before || day(before.created) !== day(message.created))
      parts.push(h("div", { class: "day" }, h("span", {}, day(message.created))));
    const element = bubble(message, context);
    const joined = before && before.direction === message.direction && clock(before.created) === clock(message.created);
    element.classList.toggle("joined", Boolean(joined));
    parts.push(element);
    const why = reason(message, context);
    if (why) parts.push(why);
    before = message;
  }
  if (!messages.length) {
    parts.push(h("div", { class: "nothing" }, icon(context.whatsapp ? "whatsapp" : "sms"),
      h("p", {}, `Write to ${phone(context.sender)} as this customer would.`),
      h("p", { class: "small" }, "The application's webhook is called, and its answers arrive here.")));
  }
  fill(chat, parts);
  chat.dataset.key = context.key;
  if (fresh || atEnd || context.jump) chat.scrollTop = chat.scrollHeight;
}

function appButton(context, name, label, on, badge) {
  return h("button", { type: "button", class: `dock-app ${name}`, "aria-pressed": String(on),
    onclick: () => context.channel(name === "whatsapp") },
  icon(name), h("span", {}, label), badge ? h("b", {}, String(badge)) : null);
}

function head(context) {
  const { person, numbers, sender } = context;
  const chooser = numbers.length > 1
    ? h("select", { "aria-label": "Number texted with", onchange: (e) => context.pickSender(e.target.value) },
      numbers.map((n) => h("option", { value: n.address, selected: n.address === sender }, phone(n.address))))
    : h("span", {}, sender ? phone(sender) : "no sender of this kind");
  return h("header", { class: "chat-head" },
    h("button", { type: "button", class: "button icon back", "aria-label": "All handsets", onclick: context.back },
      icon("back")),
    h("span", { class: `avatar hue-${hue(sender || person.number)}`, "aria-hidden": "true" },
      initials("", sender || "··")),
    h("div", { class: "chat-peer" }, h("strong", {}, "The system"), h("small", {}, chooser,
      h("span", { class: "as" }, ` as ${person.name || phone(person.number)}`))),
    h("button", { type: "button", class: "button icon", "aria-label": "What happened", title: "What happened",
      onclick: context.details }, icon("info")));
}

function composer(context) {
  const file = h("input", { type: "file", accept: "image/*", hidden: true, onchange: () => context.attach(file.files) });
  const words = h("textarea", {
    id: "words", rows: "1", placeholder: context.whatsapp ? "Message" : "Text message", "aria-label": "Text message",
    disabled: !context.sender,
  });
  const send = () => {
    if (context.send(words.value)) words.value = "";
    grow();
  };
  const grow = () => {
    words.style.height = "auto";
    words.style.height = `${Math.min(words.scrollHeight + 2, 120)}px`;
    words.style.overflowY = words.scrollHeight > 118 ? "auto" : "hidden";
    context.draft(words.value);
  };
  words.value = context.draft();
  words.addEventListener("input", grow);
  words.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  return h("footer", { class: "composer" },
    h("div", { class: "quick", "aria-label": "Quick texts" }, QUICK.map((text) => h("button", { type: "button",
      disabled: !context.sender, onclick: () => context.send(text) }, text))),
    h("div", { class: "tray", id: "tray" }),
    h("form", { class: "compose", onsubmit: (event) => { event.preventDefault(); send(); } },
      h("button", { type: "button", class: "button icon", title: "Send a picture", "aria-label": "Send a picture",
        disabled: !context.sender, onclick: () => file.click() }, icon("picture")),
      context.whatsapp ? h("button", { type: "button", class: "button icon", title: "Send a location",
        "aria-label": "Send a location", disabled: !context.sender, onclick: context.locate }, icon("place")) : null,
      words, file,
      h("button", { type: "submit", class: "send", "aria-label": "Send", disabled: !context.sender },
        icon(context.whatsapp ? "plane" : "send"))));
}

/** Pictures that will go with the next message. */
export function drawTray(tray, pictures, drop) {
  fill(tray, pictures.map((p, i) => h("span", { class: "waiting" }, h("img", { src: p.blob, alt: p.name }),
    h("button", { type: "button", "aria-label": `Remove ${p.name}`, onclick: () => drop(i) }, icon("close")))));
}

/** The whole telephone; the chat inside is drawn by drawChat. */
export function drawPhone(stage, context) {
  const { person } = context;
  fill(stage,
    h("div", { class: "owner" }, avatar(person.name, person.number, "large"),
      h("div", {}, h("h2", {}, person.name || phone(person.number)),
        h("p", { class: "muted" }, phone(person.number), context.optedOut
          ? h("span", { class: "pill bad" }, "opted out") : null))),
    h("div", { class: `phone ${context.whatsapp ? "whatsapp" : "sms"}` },
      h("div", { class: "status-bar", "aria-hidden": "true" }, h("span", { id: "phone-time" }, clock(new Date())),
        h("span", { class: "island" }), h("span", { class: "bars" }, icon("signal"), icon("battery"))),
      head(context), h("div", { class: "chat", id: "chat", role: "log", "aria-label": "Messages", tabindex: "0" }),
      composer(context),
      h("div", { class: "dock", role: "group", "aria-label": "App" },
        appButton(context, "sms", "Messages", !context.whatsapp, context.unread.sms),
        appButton(context, "whatsapp", "WhatsApp", context.whatsapp, context.unread.whatsapp))));
}
