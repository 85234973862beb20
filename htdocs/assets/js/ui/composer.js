/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * composer.js - <tw-composer>: where a message is written. Fires "compose" (detail: {body, media_urls?, send_at?})
 * and "draft" (detail: {body, media, send_at}) on every change.
 */
import { session } from '../api.js';
import { fill, h, icon, iconButton } from '../dom.js';
import { dayAndClock, exact } from '../format.js';
import { t } from '../i18n.js';
import { askLink, fileName } from './attach.js';
import './counter.js';
import { askWhen } from './schedule.js';

const MEDIA_MAX = 10;
const touch = matchMedia('(pointer: coarse)').matches;

class Composer extends HTMLElement {
  #media = [];
  #sendAt = null;
  #channel = 'sms';
  #max = 1600;

  connectedCallback() {
    if (this.text) return;
    const form = this.getAttribute('variant') === 'form';
    this.text = h('textarea', { class: 'composer-text', rows: form ? 4 : 1, placeholder: t('composer.placeholder'), 'aria-label': t('composer.label'),
      'data-composer': true, oninput: () => this.#edited(), onkeydown: event => this.#key(event, form) });
    this.chips = h('div', { class: 'chips' });
    this.counter = document.createElement('tw-counter');
    this.button = h('button', { type: 'submit', class: form ? 'btn btn-accent' : 'btn-send', title: t('composer.send'), 'aria-label': t('composer.send') },
      icon('send'), form && t('composer.send'));
    const tools = [iconButton('link', t('attach.title'), () => this.#attach()), iconButton('calendar', t('schedule.title'), () => this.#schedule())];
    const hint = h('span', { class: 'composer-hint' }, t(touch ? 'composer.hint_touch' : form ? 'composer.hint_form' : 'composer.hint'));
    this.form = h('form', { class: form ? 'composer composer-form' : 'composer', novalidate: true, onsubmit: event => this.#submit(event) },
      this.chips,
      form ? [h('div', { class: 'composer-box' }, this.text), h('div', { class: 'composer-foot' }, this.counter), h('div', { class: 'composer-row' }, tools, hint, this.button)]
        : [h('div', { class: 'composer-row' }, tools, h('div', { class: 'composer-box' }, this.text), this.button),
          h('div', { class: 'composer-foot' }, this.counter, hint)]);
    this.replaceChildren(this.form);
    session().then(who => { this.#max = who.max_chars || this.#max; this.#show(); }).catch(() => { /* 1600 is Twilio's limit too */ });
    this.#show();
  }

  set channel(channel) {
    this.#channel = channel;
    if (this.text) this.#show();
  }

  /** Put a kept draft into the editor; null empties it. Tells nobody. */
  load(draft) {
    this.text.value = draft?.body || '';
    this.#media = [...(draft?.media || [])];
    const at = draft?.send_at ? new Date(draft.send_at) : null;
    this.#sendAt = at && at > Date.now() ? at : null;
    this.#show();
  }

  get draft() {
    return { body: this.text.value, media: this.#media, send_at: this.#sendAt?.toISOString() || null };
  }

  focus() {
    this.text.focus();
  }

  #edited() {
    this.#show();
    this.dispatchEvent(new CustomEvent('draft', { detail: this.draft }));
  }

  #key(event, form) {
    if (event.key !== 'Enter' || event.isComposing) return;
    const plain = !event.shiftKey && !form && !touch;
    if (!plain && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.form.requestSubmit();
  }

  async #attach() {
    if (this.#media.length >= MEDIA_MAX) return;
    const link = await askLink();
    if (link) {
      this.#media.push(link);
      this.#edited();
    }
    this.focus();
  }

  async #schedule() {
    const date = await askWhen(this.#sendAt);
    if (date) {
      this.#sendAt = date;
      this.#edited();
    }
    this.focus();
  }

  #show() {
    const body = this.text.value;
    this.counter.show(body, this.#channel, this.#max);
    this.button.disabled = (!body.trim() && !this.#media.length) || body.length > this.#max;
    this.text.setAttribute('aria-invalid', String(body.length > this.#max));
    this.button.classList.toggle('later', Boolean(this.#sendAt));
    this.text.style.height = 'auto';
    this.text.style.height = `${Math.min(this.text.scrollHeight + 2, 220)}px`;
    fill(this.chips,
      this.#sendAt && this.#chip('calendar', t('schedule.chip', { time: dayAndClock(this.#sendAt) }), exact(this.#sendAt), () => { this.#sendAt = null; }),
      this.#media.map((link, at) => this.#chip('link', fileName(link), link, () => this.#media.splice(at, 1))));
  }

  #chip(mark, label, tip, drop) {
    return h('span', { class: 'chip', title: tip }, icon(mark), h('span', {}, label),
      iconButton('close', t('action.remove'), () => { drop(); this.#edited(); this.focus(); }));
  }

  #submit(event) {
    event.preventDefault();
    if (this.button.disabled) return;
    const detail = { body: this.text.value };
    if (this.#media.length) detail.media_urls = [...this.#media];
    if (this.#sendAt) detail.send_at = this.#sendAt.toISOString();
    if (!this.dispatchEvent(new CustomEvent('compose', { detail, cancelable: true }))) return;
    this.load(null);
    this.dispatchEvent(new CustomEvent('draft', { detail: this.draft }));
    this.focus();
  }
}
customElements.define('tw-composer', Composer);
