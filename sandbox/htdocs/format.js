// Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
// Numbers and times for people.

export const isWhatsApp = (address) => address.startsWith("whatsapp:");
export const bare = (address) => address.replace(/^[a-z]+:/, "");

const COUNTRY = /^\+(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3})/;

/** "+573153369631" -> "+57 315 336 9631"; what is no number stays as it is. */
export function phone(address) {
  const number = bare(address);
  if (!/^\+\d{7,15}$/.test(number)) return number;
  const code = COUNTRY.exec(number)[0];
  const groups = [];
  let rest = number.slice(code.length);
  while (rest.length > 4) {
    groups.push(rest.slice(0, 3));
    rest = rest.slice(3);
  }
  return [code, ...groups, rest].join(" ").trim();
}

export function clock(iso) {
  return new Date(iso).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

export function day(iso) {
  const then = new Date(iso), now = new Date();
  const days = Math.round((new Date(now.toDateString()) - new Date(then.toDateString())) / 86400000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return then.toLocaleDateString([], { weekday: "short", day: "numeric", month: "short" });
}

/** For lists: the time today, a word or a date before. */
export function brief(iso) {
  return day(iso) === "Today" ? clock(iso) : day(iso).replace(/^\w+, /, "");
}

export function exact(iso) {
  return new Date(iso).toLocaleString([], { dateStyle: "medium", timeStyle: "long" });
}

export function initials(name, address) {
  const words = name.trim().split(/\s+/).filter(Boolean);
  if (!words.length) return bare(address).slice(-2);
  return (words[0][0] + (words.length > 1 ? words[words.length - 1][0] : "")).toUpperCase();
}

/** One of eight stable colours. */
export function hue(address) {
  let sum = 0;
  for (const c of bare(address)) sum = (sum * 31 + c.codePointAt(0)) >>> 0;
  return sum % 8;
}

/** Words a message is summed up with in a list. */
export function preview(message) {
  if (message.body) return message.body;
  if (message.media.length) return message.media[0].type.startsWith("image/") ? "Picture" : "Attachment";
  if (message.extra.Latitude) return "Location";
  return message.extra.ButtonText || message.extra.ListTitle || "";
}
