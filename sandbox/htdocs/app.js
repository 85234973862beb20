// Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
// The page: who is shown, what is drawn when.

import { call, follow } from "./api.js";
import { $ } from "./dom.js";
import { drawFaults } from "./faults.js";
import { bare, clock, isWhatsApp, phone } from "./format.js";
import { drawMessage, drawWebhooks, wireTabs } from "./inspector.js";
import { drawPeople, keys } from "./people.js";
import { drawChat, drawPhone, drawTray } from "./phone.js";

const PICTURE_MAX = 5 * 1024 * 1024;

const state = {
  peers: new Map(),                     // address -> {address, name, account_sid, last}
  numbers: [], optOuts: [],
  threads: new Map(),                   // address -> messages
  unread: new Map(), drafts: new Map(),
  address: null,                        // the handset and app shown
  sender: new Map(),                    // address -> number of ours it texts with
  message: null,                        // inspected
  pictures: [], tab: "message",
};

const customerOf = (m) => (m.direction === "inbound" ? m.from : m.to);
const numberOf = (m) => (m.direction === "inbound" ? m.to : m.from);

/* ---- people ---- */

// One person per number, with both apps; the newest first.
function people() {
  const found = new Map();
  for (const peer of state.peers.values()) {
    const number = bare(peer.address);
    const person = found.get(number) || { number, name: "", last: null, lastAddress: peer.address, unread: 0 };
    person.name = person.name || peer.name;
    person.unread += state.unread.get(peer.address) || 0;
    if (peer.last && (!person.last || peer.last.seq > person.last.seq)) {
      person.last = peer.last;
      person.lastAddress = peer.address;
    }
    found.set(number, person);
  }
  return [...found.values()].sort((a, b) => (b.last?.seq || 0) - (a.last?.seq || 0) || a.name.localeCompare(b.name));
}

function drawList() {
  drawPeople(people(), state.address, $("search").value.trim(), (person) => open(person.lastAddress));
  const waiting = [...state.unread.values()].reduce((a, b) => a + b, 0);
  document.title = waiting ? `(${waiting}) Sandbox: handsets` : "Sandbox: handsets";
}

/* ---- the handset ---- */

function numbersFor(address) {
  const peer = state.peers.get(address) || state.peers.get(bare(address));
  return state.numbers.filter((n) => isWhatsApp(n.address) === isWhatsApp(address)
    && (!peer || n.account_sid === peer.account_sid));
}

function senderFor(address) {
  const numbers = numbersFor(address);
  const chosen = state.sender.get(address);
  if (numbers.some((n) => n.address === chosen)) return chosen;
  const last = state.peers.get(address)?.last;
  return numbers.find((n) => last && n.address === numberOf(last))?.address || numbers[0]?.address || null;
}

function chatContext(jump) {
  const sender = senderFor(state.address);
  return { key: `${state.address} ${sender}`, sender: sender || "", whatsapp: isWhatsApp(state.address), jump,
    sid: state.message?.sid, inspect, resend };
}

function shownMessages() {
  const sender = senderFor(state.address);
  return (state.threads.get(state.address) || []).filter((m) => !sender || numberOf(m) === sender);
}

function drawThread(jump) {
  const chat = $("chat");
  if (chat) drawChat(chat, shownMessages(), chatContext(jump));
}

function phoneContext() {
  const address = state.address, number = bare(address), sender = senderFor(address);
  const person = people().find((p) => p.number === number) || { number, name: "" };
  return {
    person, sender, numbers: numbersFor(address), whatsapp: isWhatsApp(address),
    unread: { sms: state.unread.get(number) || 0, whatsapp: state.unread.get(`whatsapp:${number}`) || 0 },
    optedOut: state.optOuts.some((o) => o.handset === address && o.number === sender),
    channel: (whatsapp) => open(whatsapp ? `whatsapp:${number}` : number),
    pickSender: (value) => { state.sender.set(address, value); drawHandset(); },
    back: () => { $("app").dataset.view = "list"; },
    details: () => { $("app").dataset.view = "details"; },
    attach, send, locate,
    draft: (text) => (text === undefined ? state.drafts.get(address) || "" : state.drafts.set(address, text)),
  };
}

function drawHandset() {
  const focused = document.activeElement?.id === "words";
  drawPhone($("stage"), phoneContext());
  drawTray($("tray"), state.pictures, dropPicture);
  drawThread(true);
  if (focused || matchMedia("(min-width: 820px)").matches) $("words").focus({ preventScroll: true });
}

async function open(address) {
  if (state.message && customerOf(state.message) !== address) {
    state.message = null;
    if (state.tab === "message") drawMessage(null);
  }
  state.address = address;
  state.pictures = [];
  state.unread.delete(address);
  $("app").dataset.view = "phone";
  location.hash = encodeURIComponent(address);
  drawList();
  drawHandset();
  await loadThread(address);
}

async function loadThread(address) {
  const peer = state.peers.get(address);
  if (!peer) return;
  const { messages } = await call("GET",
    `handsets/${encodeURIComponent(address)}/messages?account=${peer.account_sid}&limit=300`);
  state.threads.set(address, messages);
  if (state.address === address) drawThread(true);
  markRead();
}

// WhatsApp tells the sender that the chat was seen.
function markRead() {
  const peer = state.peers.get(state.address);
  if (!peer || !isWhatsApp(state.address) || document.hidden) return;
  if (!(state.threads.get(state.address) || []).some((m) => m.direction !== "inbound" && m.status === "delivered")) return;
  call("POST", `handsets/${encodeURIComponent(state.address)}/read?account=${peer.account_sid}`, {}).catch(() => {});
}

/* ---- writing ---- */

let localCount = 0;

function localMessage(fields, pictures) {
  localCount += 1;
  return { sid: `local-${localCount}`, local: "sending", direction: "inbound", from: state.address,
    to: senderFor(state.address), body: fields.Body || "", status: "received", webhook: "called", webhook_error: 0,
    created: new Date().toISOString(), media: pictures.map((p) => ({ type: p.type, blob: p.blob })), extra: fields,
    fields, error: null };
}

function thread(address) {
  if (!state.threads.has(address)) state.threads.set(address, []);
  return state.threads.get(address);
}

async function post(message) {
  const list = thread(message.from);
  try {
    const { sid } = await call("POST", "inbound", { From: message.from, To: message.to, ...message.fields });
    if (list.some((m) => m.sid === sid)) list.splice(list.indexOf(message), 1);
    else Object.assign(message, { sid, local: null });
  } catch (error) {
    Object.assign(message, { local: "failed", why: error.message });
  }
  if (state.address === message.from) drawThread(true);
}

/** True when there was something to send; the bubble stands at once. */
function send(text) {
  const words = text.trim(), pictures = state.pictures;
  if ((!words && !pictures.length) || !senderFor(state.address)) return false;
  const fields = { Body: words };
  if (pictures.length) fields.Media = pictures.map((p) => ({ ContentType: p.type, Data: p.data }));
  submit(fields, pictures);
  state.pictures = [];
  drawTray($("tray"), [], dropPicture);
  return true;
}

function submit(fields, pictures) {
  const message = localMessage(fields, pictures);
  thread(state.address).push(message);
  drawThread(true);
  post(message);
}

function resend(message) {
  message.local = "sending";
  drawThread();
  post(message);
}

function locate() {
  submit({ Latitude: "52.2297", Longitude: "21.0122", Label: "Palace of Culture and Science",
    Address: "plac Defilad 1, Warszawa" }, []);
}

function readFile(file) {
  return new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = fail;
    reader.readAsDataURL(file);
  });
}

async function attach(files) {
  for (const file of files) {
    if (file.size > PICTURE_MAX || state.pictures.length === 10) continue;
    state.pictures.push({ name: file.name, type: file.type, blob: URL.createObjectURL(file), data: await readFile(file) });
  }
  drawTray($("tray"), state.pictures, dropPicture);
}

function dropPicture(i) {
  state.pictures.splice(i, 1);
  drawTray($("tray"), state.pictures, dropPicture);
}

/* ---- what happened ---- */

function inspect(message) {
  if (message.local) return;
  state.message = message;
  $("app").dataset.view = "details";
  chooseTab("message");
  drawThread();
}

let pending = null;

// Many events at once redraw the inspector once.
function refreshInspector() {
  if (pending) return;
  pending = setTimeout(() => {
    pending = null;
    if (state.tab === "webhooks") drawWebhooks().catch(() => {});
    if (state.tab === "message" && state.message) drawMessage(state.message).catch(() => {});
  }, 250);
}

function takeMessage(message, fresh) {
  const address = customerOf(message);
  const list = state.threads.get(address);
  const peer = state.peers.get(address) || { address, name: "", account_sid: message.account_sid, last: null };
  if (!peer.last || message.seq >= peer.last.seq) peer.last = message;
  state.peers.set(address, peer);
  if (state.message?.sid === message.sid) state.message = message;
  if (list) {
    const at = list.findIndex((m) => m.sid === message.sid);
    if (at >= 0) list[at] = { ...message, media: message.media.map((m, i) => ({ ...m, blob: list[at].media[i]?.blob })) };
    else if (!takeLocal(list, message)) list.push(message);
  }
  if (fresh && message.direction !== "inbound" && (address !== state.address || document.hidden))
    state.unread.set(address, (state.unread.get(address) || 0) + 1);
  return address;
}

// Our own message may come back as an event before the answer of the request that made it.
function takeLocal(list, message) {
  if (message.direction !== "inbound") return false;
  const at = list.findIndex((m) => m.local === "sending" && m.body === message.body);
  if (at < 0) return false;
  list[at].sid = message.sid;
  return true;
}

function onEvent(event) {
  if (event.type === "reset") {
    reload();
    return;
  }
  if (event.type === "deleted") {
    for (const list of state.threads.values()) {
      const at = list.findIndex((m) => m.sid === event.sid);
      if (at >= 0) list.splice(at, 1);
    }
    drawThread();
  }
  if (!event.message) return;
  const address = takeMessage(event.message, event.type === "message");
  drawSoon(address);
  refreshInspector();
}

const dirty = new Set();

function drawSoon(address) {
  if (!dirty.size) requestAnimationFrame(() => {
    drawList();
    if (dirty.has(state.address)) {
      drawThread();
      markRead();
    }
    dirty.clear();
  });
  dirty.add(address);
}

async function reload() {
  const answer = await call("GET", "handsets");
  state.peers = new Map(answer.handsets.map((p) => [p.address, p]));
  state.numbers = answer.numbers;
  state.optOuts = answer.opt_outs;
  state.threads.clear();
  const accounts = new Set(state.numbers.map((n) => n.account_sid));
  $("account").textContent = state.numbers.length
    ? `${state.numbers.length} number${state.numbers.length > 1 ? "s" : ""}${accounts.size > 1 ? `, ${accounts.size} accounts` : ""}`
    : "no numbers configured";
  const wanted = state.address || decodeURIComponent(location.hash.slice(1)) || people()[0]?.lastAddress;
  drawList();
  if (wanted) {
    const view = $("app").dataset.view;
    await open(wanted);
    if (!location.hash || view === "list") $("app").dataset.view = view;
  }
  return answer.event;
}

function connection(word, seconds) {
  const live = $("live");
  live.dataset.state = word;
  live.lastElementChild.textContent = word === "live" ? "live" : `retrying in ${seconds} s`;
}

/* ---- wiring ---- */

const chooseTab = wireTabs((name) => {
  state.tab = name;
  if (name === "message") drawMessage(state.message).catch(() => {});
  if (name === "webhooks") drawWebhooks().catch(() => {});
  if (name === "faults") drawFaults().catch(() => {});
});

async function addHandset(event) {
  const dialog = $("new-handset"), form = event.target;
  const wrong = form.querySelector(".form-error");
  event.preventDefault();
  try {
    const { address } = await call("POST", "handsets", { Number: form.number.value, Name: form.name.value });
    dialog.close();
    form.reset();
    wrong.hidden = true;
    state.address = address;
    await reload();
    open(address);
  } catch (error) {
    wrong.textContent = error.message;
    wrong.hidden = false;
  }
}

function shortcuts(event) {
  if (event.target.closest("input, textarea, select, dialog")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "/") $("search").focus();
  else if (event.key === "r" && $("words")) $("words").focus();
  else if (event.key === "Escape") $("app").dataset.view = "list";
  else return;
  event.preventDefault();
}

$("search").addEventListener("input", drawList);
$("people").addEventListener("keydown", keys);
$("add").addEventListener("click", () => $("new-handset").showModal());
$("new-handset").querySelector("form").addEventListener("submit", addHandset);
$("new-handset").querySelector("[value=cancel]").addEventListener("click", () => $("new-handset").close());
$("close-inspector").addEventListener("click", () => { $("app").dataset.view = "phone"; });
document.addEventListener("keydown", shortcuts);
document.addEventListener("visibilitychange", () => {
  if (document.hidden || !state.address) return;
  state.unread.delete(state.address);
  drawList();
  markRead();
});
setInterval(() => { if ($("phone-time")) $("phone-time").textContent = clock(new Date()); }, 10000);
chooseTab("message");
drawFaults().catch(() => {});
follow({ event: onEvent, reload, state: connection });
