/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * status.js - the state of a message as ticks, as a word, and why it failed.
 */
import { h, icon } from '../dom.js';
import { dayAndClock, parseTime } from '../format.js';
import { known, said, t } from '../i18n.js';

const LOOKS = {
  accepted: 'clock', queued: 'clock', sending: 'clock', scheduled: 'calendar', sent: 'check', partially_delivered: 'check',
  delivered: 'checks', read: 'checks', failed: 'alert', undelivered: 'alert', canceled: 'ban', waiting: 'clock',
};

export const hasFailed = status => status === 'failed' || status === 'undelivered';
export const isPending = status => status === 'queued' || status === 'scheduled' || status === 'accepted';

/** The word people read for a status of Twilio's. */
export function statusWord(status) {
  const key = `status.${status}`;
  return known(key) ? t(key) : String(status || '');
}

/** Ticks: an icon that says its word. Nothing for inbound. */
export function ticks(entry) {
  if (entry.direction === 'inbound') return null;
  const status = entry.status || 'queued';
  let label = statusWord(status);
  if (status === 'scheduled' && entry.send_at) label = t('status.scheduled_for', { time: dayAndClock(parseTime(entry.send_at)) });
  return h('span', { class: `ticks st-${status}`, title: label }, icon(LOOKS[status] || 'clock', label));
}

/** Why it failed and what to do: {reason, advice, code}. */
export function failure(entry) {
  return {
    code: entry.error_code,
    reason: said(entry.error_reason || entry.error) || t('failure.unknown'),
    advice: said(entry.error_advice) || '',
  };
}
