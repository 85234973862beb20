/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * avatar.js - the round mark of a person: initials or a figure, in a colour that stays the same.
 */
import { h, icon } from '../dom.js';
import { channelOf, hue, initials } from '../format.js';
import { t } from '../i18n.js';

/** avatar({peer, name}, 'sm') with a small badge for channels other than SMS. */
export function avatar(row, size = '') {
  const letters = initials(row.name);
  const channel = channelOf(row.peer);
  return h('span', { class: `avatar av-${hue(row.peer)} ${size}`, 'aria-hidden': 'true' },
    letters || icon('user'),
    channel !== 'sms' && h('span', { class: `avatar-badge ch-${channel}`, title: channelName(channel) },
      icon(channel === 'whatsapp' ? 'whatsapp' : 'sms')));
}

/** "SMS", "WhatsApp", … */
export function channelName(channel) {
  const names = { sms: 'SMS', whatsapp: 'WhatsApp', rcs: 'RCS', messenger: 'Messenger' };
  return names[channel] || channel || t('channel.unknown');
}
