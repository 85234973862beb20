/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * format.js - numbers, times and names as people read them.
 */
import { lang, t } from './i18n.js';

const TWO_DIGIT_CODES = new Set(('20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 '
  + '81 82 84 86 90 91 92 93 94 95 98').split(' '));
const GROUPS = { 4: [4], 5: [5], 6: [3, 3], 7: [3, 4], 8: [4, 4], 9: [3, 3, 3], 10: [3, 3, 4], 11: [3, 4, 4], 12: [4, 4, 4] };

/** The address without its channel. */
export const bare = address => String(address || '').replace(/^[a-z]+:/i, '');
/** "sms", "whatsapp", … */
export const channelOf = address => (/^([a-z]+):/i.exec(address || '') || [])[1]?.toLowerCase() || 'sms';

function countryCode(digits) {
  if (digits[0] === '1' || digits[0] === '7') return digits[0];
  return TWO_DIGIT_CODES.has(digits.slice(0, 2)) ? digits.slice(0, 2) : digits.slice(0, 3);
}

/** "+57 315 336 9631" for E.164, anything else as it is; without the channel prefix. */
export function phone(address) {
  const text = bare(address);
  if (!/^\+\d{7,15}$/.test(text)) return text;
  const digits = text.slice(1);
  const code = countryCode(digits);
  const rest = digits.slice(code.length);
  const parts = [];
  let at = 0;
  for (const size of GROUPS[rest.length] || [rest.length]) {
    parts.push(rest.slice(at, at + size));
    at += size;
  }
  return `+${code} ${parts.join(' ')}`;
}

/** The canonical guess of what a person typed; the server has the last word. */
export function canonical(text) {
  const channel = /^(whatsapp|rcs):/i.test(text.trim()) ? channelOf(text.trim()) + ':' : '';
  const rest = bare(text.trim());
  const digits = rest.replace(/[\s\u00a0().\-/]/g, '');
  if (!/^\+?\d{7,15}$/.test(digits)) return channel + rest;
  return channel + (digits.startsWith('+') ? digits : '+' + digits);
}

/** Can a message be addressed to it? */
export const isRecipient = address => /^((whatsapp|rcs):)?\+[1-9]\d{6,14}$/.test(address) || /^whatsapp:[A-Z]{2}\.[A-Za-z0-9]+$/.test(address);

/** Title of a conversation: its name, else its number. */
export const title = row => row.name || phone(row.peer);

/** One or two letters for the avatar, '' when there is no name. */
export function initials(name) {
  const words = String(name || '').split(/\s+/).filter(w => /\p{L}|\p{N}/u.test(w));
  const letters = words.map(w => Array.from(w).find(c => /\p{L}|\p{N}/u.test(c)));
  const pick = letters.length > 1 ? [letters[0], letters[letters.length - 1]] : letters;
  return pick.join('').toUpperCase();
}

/** A stable colour number 0..7 for an address. */
export function hue(address) {
  let sum = 7;
  for (const c of bare(address)) sum = (sum * 31 + c.codePointAt(0)) >>> 0;
  return sum % 8;
}

/** Times of the API are UTC and may come without a zone. */
export function parseTime(text) {
  if (!text) return null;
  const zoned = /(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : text + 'Z';
  const time = new Date(zoned.replace(' ', 'T'));
  return Number.isNaN(time.getTime()) ? null : time;
}

const formats = new Map();
function intl(options) {
  const key = lang() + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(lang(), options));
  return formats.get(key);
}

const dayNumber = date => Math.floor((date.getTime() - date.getTimezoneOffset() * 60000) / 86400000);
/** Same key, same day for the reader. */
export const dayKey = date => String(dayNumber(date));

/** 14:32 */
export const clock = date => intl({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(date);

/** 14:32, yesterday, 12/03, 12/03/24: for lists. */
export function when(date, now = new Date()) {
  if (!date) return '';
  const days = dayNumber(now) - dayNumber(date);
  if (days === 0) return clock(date);
  if (days === 1) return t('time.yesterday');
  if (date.getFullYear() === now.getFullYear()) return intl({ day: '2-digit', month: '2-digit' }).format(date);
  return intl({ day: '2-digit', month: '2-digit', year: '2-digit' }).format(date);
}

/** Today, Yesterday, Monday 12 March: for day separators. */
export function day(date, now = new Date()) {
  const days = dayNumber(now) - dayNumber(date);
  if (days === 0) return t('time.today');
  if (days === 1) return t('time.yesterday_capital');
  if (days === -1) return t('time.tomorrow_capital');
  const sameYear = date.getFullYear() === now.getFullYear();
  return intl({ weekday: 'long', day: 'numeric', month: 'long', ...(sameYear ? {} : { year: 'numeric' }) }).format(date);
}

/** Everything with the zone: for tooltips. */
export const exact = date => (date ? intl({ dateStyle: 'full', timeStyle: 'long' }).format(date) : '');
/** Day and time in one line: for scheduled messages. */
export const dayAndClock = date => `${day(date)}, ${clock(date)}`;
/** 12,345 */
export const number = n => new Intl.NumberFormat(lang()).format(n);

/** Value of <input type=datetime-local> for a date, in the reader's zone. */
export function localInput(date) {
  const shifted = new Date(date.getTime() - date.getTimezoneOffset() * 60000);
  return shifted.toISOString().slice(0, 16);
}
