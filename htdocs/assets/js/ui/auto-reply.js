/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * auto-reply.js - <tw-auto-reply>: the answer everybody gets who writes to us.
 */
import * as api from '../api.js';
import { fill, h } from '../dom.js';
import { t } from '../i18n.js';
import './counter.js';
import { problemBlock, problemText } from './problem.js';
import { toast } from './toast.js';

const TEXT_MAX = 640;

class AutoReply extends HTMLElement {
  #saved = null;

  connectedCallback() {
    fill(this, h('div', { class: 'skeleton-lines', 'aria-busy': 'true' }, h('span', { class: 'skeleton' }), h('span', { class: 'skeleton tall' })));
    addEventListener('beforeunload', event => { if (this.#dirty()) event.preventDefault(); });
    this.load();
  }

  async load() {
    try {
      this.#saved = await api.autoReply();
      this.#build();
    } catch (error) {
      fill(this, problemBlock(error, () => this.load()));
    }
  }

  #build() {
    this.enabled = h('input', { type: 'checkbox', role: 'switch', class: 'switch', id: 'auto-on', checked: this.#saved.enabled, onchange: () => this.#switched() });
    this.text = h('textarea', { class: 'form-control', id: 'auto-text', rows: 4, value: this.#saved.message || '', oninput: () => this.#show(),
      'aria-describedby': 'auto-error', placeholder: t('auto.placeholder') });
    this.counter = document.createElement('tw-counter');
    this.error = h('p', { class: 'field-error', id: 'auto-error', role: 'alert', hidden: true });
    this.saveButton = h('button', { type: 'submit', class: 'btn btn-accent' }, t('action.save'));
    this.undoButton = h('button', { type: 'button', class: 'btn btn-outline', onclick: () => this.#build() }, t('action.undo'));
    this.actions = h('div', { class: 'form-actions' }, this.undoButton, this.saveButton);
    this.note = h('p', { class: 'hint' });
    fill(this, h('form', { novalidate: true, onsubmit: event => { event.preventDefault(); this.#save(); } },
      h('div', { class: 'switch-row' }, h('label', { for: 'auto-on' }, t('auto.enable')), this.enabled),
      this.note,
      h('label', { class: 'form-label', for: 'auto-text' }, t('auto.text')), this.text,
      h('div', { class: 'composer-foot' }, this.counter), this.error, this.actions));
    this.#show();
  }

  #dirty() {
    return this.#saved !== null && this.text
      && (this.enabled.checked !== Boolean(this.#saved.enabled) || this.text.value !== (this.#saved.message || ''));
  }

  #wrong() {
    if (this.text.value.length > TEXT_MAX) return t('auto.too_long', { max: TEXT_MAX });
    if (this.enabled.checked && !this.text.value.trim()) return t('auto.empty');
    return null;
  }

  #show() {
    this.counter.show(this.text.value, 'sms', TEXT_MAX);
    this.note.textContent = t(this.enabled.checked ? 'auto.is_on' : 'auto.is_off');
    this.actions.hidden = !this.#dirty();
    this.error.hidden = true;
    this.text.removeAttribute('aria-invalid');
  }

  /* The switch acts at once, as switches do, unless there is text to be saved with it. */
  #switched() {
    const textChanged = this.text.value !== (this.#saved.message || '');
    this.#show();
    if (!textChanged) this.#save();
  }

  #refuse(text) {
    this.error.textContent = text;
    this.error.hidden = false;
    this.text.setAttribute('aria-invalid', 'true');
    this.text.focus();
  }

  async #save() {
    const wrong = this.#wrong();
    if (wrong) return this.#refuse(wrong);
    const config = { enabled: this.enabled.checked, message: this.text.value };
    this.saveButton.disabled = true;
    try {
      const answer = await api.setAutoReply(config);
      this.#saved = { enabled: answer.enabled ?? config.enabled, message: answer.message ?? config.message };
      toast(t(config.enabled ? 'auto.saved_on' : 'auto.saved_off'));
      this.#show();
    } catch (error) {
      this.#refuse(t('auto.not_saved', { reason: problemText(error) }));
    } finally {
      this.saveButton.disabled = false;
    }
  }
}
customElements.define('tw-auto-reply', AutoReply);
