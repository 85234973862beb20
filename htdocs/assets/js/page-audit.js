/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * page-audit.js - who did what, when, from where; before and after side by side.
 */
import * as api from './api.js';
import { fill, h, icon } from './dom.js';
import { exact, parseTime, when } from './format.js';
import { known, t } from './i18n.js';
import './ui/connection.js';
import { emptyBlock, problemBlock } from './ui/problem.js';
import { setTitle } from './ui/rail.js';

const LIMIT = 50;
const list = h('ol', { class: 'rows' });
const foot = h('div', { class: 'card-pad' });
const filters = { actor: '', action: '', since: '', until: '' };

const said = action => (known(`audit.${action}`) ? t(`audit.${action}`) : action);
const shown = value => (value === null || value === undefined ? '–' : typeof value === 'object' ? JSON.stringify(value) : String(value));

/* What differs; all of it where there is only one side. */
function changes(event) {
  const before = event.before_json || {};
  const after = event.after_json || {};
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(name => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  if (!names.length) return null;
  return h('dl', { class: 'facts changes' }, names.map(name => [h('dt', {}, name),
    h('dd', {}, event.before_json && h('del', {}, shown(before[name])), event.before_json && event.after_json && ' → ', event.after_json && h('ins', {}, shown(after[name])))]));
}

function row(event) {
  const at = parseTime(event.created_at);
  const subject = (event.after_json || event.before_json || {}).username || (event.after_json || event.before_json || {}).name || '';
  const more = changes(event);
  return h('li', { class: 'row-item audit' }, icon(event.actor_kind === 'key' ? 'code' : event.actor_kind === 'command' ? 'keyboard' : 'user'),
    h('div', { class: 'row-main' },
      h('p', {}, h('strong', {}, event.actor_username || t('audit.nobody')), ' ', said(event.action), subject && ` · ${subject}`),
      h('small', {}, h('time', { datetime: event.created_at, title: exact(at) }, when(at)), event.remote_addr && ` · ${event.remote_addr}`, ` · #${event.id}`),
      more && h('details', {}, h('summary', {}, t('audit.changes')), more)));
}

async function load(before = null) {
  const again = () => load(before);
  try {
    const { events, more } = await api.audit({ ...filters, before, limit: LIMIT });
    if (!before) fill(list);
    list.append(...events.map(row));
    fill(foot, more && h('button', { type: 'button', class: 'btn btn-outline', onclick: () => load(events[events.length - 1].id) }, t('audit.older')),
      !before && !events.length && emptyBlock('shield', t('audit.empty'), t('audit.empty.text')));
  } catch (error) {
    fill(foot, problemBlock(error, again));
  }
}

let typing = 0;
function field(name, label, type = 'search') {
  return h('label', { class: 'filter' }, h('span', { class: 'form-label' }, label), h('input', { class: 'form-control', type, autocomplete: 'off', spellcheck: 'false',
    oninput: event => { filters[name] = event.target.value.trim(); clearTimeout(typing); typing = setTimeout(() => load(), 250); } }));
}

setTitle(t('nav.audit'));
fill(document.getElementById('main'),
  h('header', { class: 'top' }, h('h1', {}, t('nav.audit')), document.createElement('tw-connection')), document.createElement('tw-banner'),
  h('div', { class: 'page people' }, h('section', { class: 'card-box' },
    h('div', { class: 'filters card-pad' }, field('actor', t('audit.actor')), field('action', t('audit.action')), field('since', t('audit.since'), 'date'), field('until', t('audit.until'), 'date')),
    list, foot)));
load();
