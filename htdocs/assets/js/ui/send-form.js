/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * send-form.js - <tw-send-form>: a message to any number, from the dashboard. What is typed is kept across
 * reloads until it was handed over.
 */
import { chatUrl } from '../api.js';
import { fill, h, icon } from '../dom.js';
import { dayAndClock, phone } from '../format.js';
import { t } from '../i18n.js';
import { keep, recall } from '../keep.js';
import { outgoing } from '../outgoing.js';
import './composer.js';
import { channelSwitch, chosenChannel, recipient } from './new-chat.js';
import { problemText } from './problem.js';

const NAME = 'send-form';

class SendForm extends HTMLElement {
  connectedCallback() {
    const kept = recall(NAME) || {};
    this.to = h('input', { class: 'form-control', id: 'send-to', type: 'text', inputmode: 'tel', autocomplete: 'off', spellcheck: 'false',
      placeholder: '+48 123 123 123', value: kept.to || '', 'aria-describedby': 'send-to-error', oninput: () => this.#keep() });
    this.error = h('p', { class: 'field-error', id: 'send-to-error', role: 'alert', hidden: true });
    this.channels = channelSwitch('send-channel', kept.channel || 'sms', () => { this.composer.channel = this.channel; this.#keep(); });
    this.outcome = h('div', { class: 'send-outcome', 'aria-live': 'polite' });
    this.composer = h('tw-composer', { variant: 'form', oncompose: event => this.#compose(event), ondraft: () => this.#keep() });
    this.replaceChildren(
      h('div', { class: 'field' }, h('label', { class: 'form-label', for: 'send-to' }, t('send.to')), this.to, this.error),
      this.channels, this.composer, this.outcome);
    this.composer.load(kept.draft);
    this.composer.channel = this.channel;
    outgoing.addEventListener('sent', event => this.#sent(event.detail));
    outgoing.addEventListener('failed', event => this.#failed(event.detail));
    outgoing.addEventListener('change', event => this.#waiting(event.detail));
  }

  get channel() {
    return chosenChannel(this.channels);
  }

  #keep() {
    this.error.hidden = true;
    this.to.removeAttribute('aria-invalid');
    keep(NAME, { to: this.to.value, channel: this.channel, draft: this.composer.draft });
  }

  #refuse(event, text) {
    event.preventDefault();
    this.error.textContent = text;
    this.error.hidden = false;
    this.to.setAttribute('aria-invalid', 'true');
    this.to.focus();
  }

  #compose(event) {
    const peer = recipient(this.to.value, this.channel);
    if (!peer) return this.#refuse(event, t(this.to.value.trim() ? 'send.to_wrong' : 'send.to_missing'));
    this.item = outgoing.send(peer, { to: peer, ...event.detail });
    this.#waiting(this.item);
  }

  #line(kind, mark, ...content) {
    fill(this.outcome, h('p', { class: `outcome ${kind}` }, icon(mark), h('span', {}, content)));
  }

  #waiting(item) {
    if (!item || item !== this.item || item.state === 'failed') return;
    this.#line('quiet', 'clock', t(item.state === 'sending' ? 'send.sending' : 'send.waiting', { to: phone(item.peer) }));
  }

  #link(peer) {
    return h('a', { href: chatUrl(peer) }, t('send.open'));
  }

  #sent({ item }) {
    if (item !== this.item) return;
    const later = item.payload.send_at;
    const text = later ? t('send.scheduled', { to: phone(item.peer), time: dayAndClock(new Date(later)) }) : t('send.sent', { to: phone(item.peer) });
    this.#line('good', 'check', text, ' ', this.#link(item.peer));
    this.item = null;
  }

  /* What was typed comes back to where it can be corrected, unless something new stands there. */
  #failed({ item, error }) {
    if (item !== this.item) return;
    this.item = null;
    this.#line('bad', 'alert', t('send.failed', { to: phone(item.peer) }), ' ', problemText(error));
    if (this.composer.draft.body || this.composer.draft.media.length) return;
    outgoing.discard(item);
    this.composer.load({ body: item.payload.body, media: item.payload.media_urls, send_at: item.payload.send_at });
    this.#keep();
  }
}
customElements.define('tw-send-form', SendForm);
