/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * new-chat.js - asks whom to write to.
 */
import { session } from '../api.js';
import { h, icon } from '../dom.js';
import { canonical, channelOf, isRecipient } from '../format.js';
import { t } from '../i18n.js';
import { openDialog } from './dialog.js';

/** The address for a typed number on a channel, or null when it is none. */
export function recipient(typed, channel) {
  const address = canonical(typed);
  const peer = channel === 'whatsapp' && channelOf(address) === 'sms' ? `whatsapp:${address}` : address;
  return isRecipient(peer) ? peer : null;
}

/** Two radio buttons, SMS and WhatsApp; hidden where there is no WhatsApp sender. value(fieldset) tells the choice. */
export function channelSwitch(name, chosen, changed) {
  const option = (value, label) => h('label', { class: 'segment' },
    h('input', { type: 'radio', name, value, checked: chosen === value }), icon(value), h('span', {}, label));
  const field = h('fieldset', { class: 'segments', hidden: true, onchange: () => changed?.() },
    h('legend', { class: 'visually-hidden' }, t('send.channel')), option('sms', 'SMS'), option('whatsapp', 'WhatsApp'));
  session().then(who => { field.hidden = !who.whatsapp_from; }).catch(() => { /* SMS only */ });
  return field;
}

export const chosenChannel = field => field.querySelector('input:checked').value;

/** Resolves with a peer, or null. */
export function askPeer(typed = '') {
  return openDialog(t('newchat.title'), close => {
    const input = h('input', { type: 'text', inputmode: 'tel', class: 'form-control', id: 'new-peer', placeholder: '+48 123 123 123', autofocus: true,
      autocomplete: 'off', spellcheck: 'false', value: typed });
    const channel = channelSwitch('new-channel', 'sms');
    const wrong = h('p', { class: 'field-error', role: 'alert', hidden: true }, t('send.to_wrong'));
    const submit = event => {
      event.preventDefault();
      const peer = recipient(input.value, chosenChannel(channel));
      wrong.hidden = peer !== null;
      if (peer) close(peer);
    };
    return h('form', { class: 'sheet-body', novalidate: true, onsubmit: submit },
      h('label', { class: 'form-label', for: 'new-peer' }, t('send.to')), input, wrong, h('div', { class: 'field-gap' }, channel),
      h('div', { class: 'sheet-foot' }, h('button', { type: 'submit', class: 'btn btn-accent' }, t('newchat.open'))));
  });
}
