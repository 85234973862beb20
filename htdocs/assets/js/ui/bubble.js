/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * bubble.js - one message of a conversation, stored or still on its way.
 */
import { h, icon, iconButton, linked } from '../dom.js';
import { clock, dayAndClock, exact, parseTime } from '../format.js';
import { t } from '../i18n.js';
import { extraBlock, mediaBlock, summary } from './media.js';
import { attachMenu } from './menu.js';
import { problemText } from './problem.js';
import { failure, hasFailed, isPending, statusWord, ticks } from './status.js';

const SOURCES = { 'auto-reply': 'bot', bot: 'bot', keyword: 'shield', api: 'code', cli: 'code' };
const EMOJI_ONLY = /^(?:\p{Extended_Pictographic}[\p{Emoji_Modifier}\uFE0F]*(?:\u200D\p{Extended_Pictographic}[\p{Emoji_Modifier}\uFE0F]*)*|\p{Regional_Indicator}{2}){1,3}$/u;

function meta(time, ...marks) {
  return h('span', { class: 'meta', dir: 'ltr' }, h('time', { datetime: time.toISOString(), title: exact(time) }, clock(time)), marks);
}

function text(body, tail) {
  const big = EMOJI_ONLY.test(body.trim());
  return h('div', { class: big ? 'bubble-text big' : 'bubble-text', dir: 'auto' }, linked(body), tail);
}

function quote(entry) {
  const who = t(entry.direction === 'inbound' ? 'bubble.them' : 'bubble.us');
  return h('div', { class: 'quote' }, h('strong', {}, who), h('span', { class: 'one-line', dir: 'auto' }, summary(entry)));
}

function failed(reason, advice, retry, code, discard) {
  return h('div', { class: 'failure' }, icon('alert'),
    h('div', {}, h('strong', {}, reason), advice && h('span', {}, ' ', advice), code && h('span', { class: 'quiet code' }, ` (${code})`),
      h('div', { class: 'failure-actions' },
        retry && h('button', { type: 'button', class: 'btn-small', onclick: event => { event.currentTarget.disabled = true; retry(); } },
          icon('retry'), t('action.retry')),
        discard && h('button', { type: 'button', class: 'btn-small', onclick: discard }, icon('trash'), t('action.discard')))));
}

function waitingLine(entry, actions) {
  const at = parseTime(entry.send_at);
  const scheduled = entry.status === 'scheduled' && at;
  return h('div', { class: 'bubble-wait' }, scheduled && h('span', {}, icon('calendar'), t('bubble.scheduled', { time: dayAndClock(at) })),
    h('button', { type: 'button', class: 'btn-small', onclick: () => actions.cancel(entry) }, icon('close'), t('action.cancel_send')));
}

function menuButton(entry, actions) {
  const button = iconButton('more', t('bubble.menu'), null, { class: 'btn-icon bubble-menu' });
  return attachMenu(button, () => actions.menu(entry));
}

/**
 * A stored message. look: {first, quoted} - first of its group; the entry it answers or null.
 * actions: {cancel(entry), retry(entry), menu(entry) → menu items, mayRetry(entry) → bool}
 */
export function bubble(entry, look, actions) {
  const inbound = entry.direction === 'inbound';
  const time = parseTime(entry.created_at) || new Date();
  const bad = hasFailed(entry.status);
  const why = bad ? failure(entry) : null;
  const source = !inbound && SOURCES[entry.source];
  const extra = extraBlock(entry);
  const tail = meta(time, ticks(entry));
  const erased = !entry.body && !entry.media?.length && !extra;
  const content = entry.body ? text(entry.body, tail) : [erased && h('div', { class: 'bubble-text quiet' }, t('media.nothing'), tail), !erased && tail];
  return h('article', { class: `bubble-row ${inbound ? 'in' : 'out'}${look.first ? ' first' : ''}${bad ? ' bad' : ''}`, data: { id: String(entry.id) }, tabindex: '-1',
    'aria-label': t(inbound ? 'bubble.label_in' : 'bubble.label_out', { time: clock(time), status: inbound ? '' : statusWord(entry.status) }) },
  h('div', { class: `bubble${entry.status === 'canceled' ? ' canceled' : ''}` },
    source && look.first && h('div', { class: 'bubble-source' }, icon(source), t(`source.${entry.source}`)),
    look.quoted && quote(look.quoted),
    mediaBlock(entry), extra, content,
    why && failed(why.reason, why.advice, actions.mayRetry(entry) && (() => actions.retry(entry)), why.code),
    !inbound && isPending(entry.status) && waitingLine(entry, actions)),
  menuButton(entry, actions));
}

/** A message typed here that the server has not confirmed. actions: {resend(item), discard(item), mayResend() → bool} */
export function pendingBubble(item, look, actions) {
  const bad = item.state === 'failed';
  const time = new Date(item.at);
  const label = t(`pending.${item.state}`);
  const mark = h('span', { class: 'ticks', title: label }, icon(bad ? 'alert' : 'clock', label));
  const links = (item.payload.media_urls || []).map(link => h('span', { class: 'media-note' }, icon('link'), link));
  return h('article', { class: `bubble-row out pending${look.first ? ' first' : ''}${bad ? ' bad' : ''}`, tabindex: '-1', 'aria-label': label },
    h('div', { class: 'bubble' }, links.length > 0 && h('div', { class: 'media' }, links),
      text(item.payload.body || '', meta(time, mark)),
      bad && failed(problemText(item.error), t('pending.kept'), actions.mayResend() && (() => actions.resend(item)), null, () => actions.discard(item)),
      item.state === 'waiting' && h('div', { class: 'bubble-wait' }, h('span', {}, icon('clock'), t('pending.waiting')))));
}
