/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * page-dashboard.js - the first page: figures, the last messages, a message to anybody, the automatic reply.
 */
import { url } from './api.js';
import { fill, h, icon } from './dom.js';
import { t } from './i18n.js';
import './ui/account.js';
import './ui/auto-reply.js';
import './ui/counters.js';
import './ui/entries.js';
import { setTitle } from './ui/rail.js';
import './ui/send-form.js';
import './ui/stuck.js';

function card(title, element) {
  return h('section', { class: 'card-box' }, h('div', { class: 'card-head' }, h('h2', {}, title)), h('div', { class: 'card-pad' }, element));
}

function search() {
  const field = h('input', { type: 'search', class: 'search-field', name: 'search', 'data-search': true, placeholder: t('search.placeholder'),
    'aria-label': t('search.label'), autocomplete: 'off' });
  const go = event => {
    event.preventDefault();
    if (field.value.trim()) location.href = url('inbox', { search: field.value.trim() });
  };
  return h('form', { class: 'search', role: 'search', onsubmit: go }, icon('search'), field, h('kbd', {}, '/'));
}

setTitle(t('nav.dashboard'));
fill(document.getElementById('main'),
  h('header', { class: 'top' }, h('h1', {}, t('nav.dashboard')), search(), document.createElement('tw-connection')),
  document.createElement('tw-banner'),
  h('div', { class: 'page' },
    document.createElement('tw-counters'),
    document.createElement('tw-stuck'),
    h('div', { class: 'columns' },
      h('section', { class: 'card-box' }, document.createElement('tw-entries')),
      h('div', { class: 'side' }, card(t('send.title'), document.createElement('tw-send-form')), card(t('auto.title'), document.createElement('tw-auto-reply'))))));
