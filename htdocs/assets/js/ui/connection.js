/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * connection.js - <tw-connection>: a dot and a word; <tw-banner>: a line across the page when something
 * is wrong long enough to matter.
 */
import { fill, h, icon } from '../dom.js';
import { live } from '../events.js';
import { t } from '../i18n.js';

class Connection extends HTMLElement {
  connectedCallback() {
    this.setAttribute('role', 'status');
    this.listener = () => this.show(live.state);
    live.addEventListener('state', this.listener);
    this.show(live.state);
  }
  disconnectedCallback() {
    live.removeEventListener('state', this.listener);
  }
  show({ name }) {
    if (this.dataset.state === name) return;    /* the countdown is the banner's; here it would be read out each second */
    this.dataset.state = name;
    this.hidden = name === 'off';
    if (this.hidden) return;
    this.title = t(`live.${name}.tip`);
    fill(this, h('span', { class: 'live-dot' }), h('span', { class: 'live-word' }, t(`live.${name}`)));
  }
}
customElements.define('tw-connection', Connection);

class Banner extends HTMLElement {
  connectedCallback() {
    this.listener = () => this.show(live.state);
    live.addEventListener('state', this.listener);
    this.show(live.state);
  }
  disconnectedCallback() {
    live.removeEventListener('state', this.listener);
  }
  show({ name, seconds }) {
    const wasOut = Boolean(this.dataset.state);
    if (name === 'connecting' && wasOut) return;        /* between two attempts the line stays */
    const out = name === 'retrying' || name === 'offline' || name === 'denied';
    this.hidden = !out;
    if (!out) return delete this.dataset.state;
    const text = name === 'retrying' ? t('live.retrying.banner', { n: seconds }) : t(`live.${name}.banner`);
    if (this.dataset.state === name) {
      this.querySelector('.banner-text').textContent = text;
      return;
    }
    this.dataset.state = name;
    fill(this, icon(name === 'offline' ? 'offline' : 'warning'),
      h('span', { class: 'banner-text', 'aria-hidden': name === 'retrying' ? 'true' : null }, text),
      name === 'retrying' && h('span', { class: 'visually-hidden', role: 'status' }, t('live.retrying.tip')),
      h('button', { type: 'button', class: 'banner-button', onclick: () => (name === 'denied' ? location.reload() : live.retryNow()) },
        t(name === 'denied' ? 'action.sign_in' : 'action.retry_now')));
  }
}
customElements.define('tw-banner', Banner);
