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
const ACTIONS = ['user.signed_in', 'user.signin_failed', 'user.silenced', 'address.silenced', 'user.signed_out', 'user.signed_out_everywhere', 'user.token_reused',
  'user.created', 'admin_user.created', 'user.updated', 'user.password_changed', 'user.password_reset', 'user.role_set', 'user.roles_assigned', 'user.enabled', 'user.disabled',
  'user.deleted', 'user.second_factor_on', 'user.second_factor_off', 'user.second_factor_reset', 'user.recovery_codes_made', 'role.created', 'role.deleted', 'api_key.created', 'api_key.revoked',
  'setting.changed', 'message.redacted', 'message.deleted'];
const MARKS = { key: 'code', command: 'keyboard' };
const list = h('ol', { class: 'rows' });
const foot = h('div', { class: 'rows-foot' });
const filters = { actor: '', action: '', since: '', until: '' };
const names = new Set();                /* whom rows name so far: what may be typed into the filter */
const actorNames = h('datalist', { id: 'audit-actors' });
let rank = '';

const said = action => (known(`audit.${action}`) ? t(`audit.${action}`) : action);
/* Polish rows want a dash between who and what; on its own it is in the way. */
const plain = action => said(action).replace(/^– /, '');
const shown = value => (value === null || value === undefined ? '–' : typeof value === 'object' ? JSON.stringify(value) : String(value));

/* What is typed is in the reader's words, the server knows codes; parts are enough. */
function codes(text) {
  const wanted = text.toLowerCase();
  const exactly = ACTIONS.filter(action => plain(action).toLowerCase() === wanted);
  const partly = ACTIONS.filter(action => action.includes(wanted) || plain(action).toLowerCase().includes(wanted));
  return (exactly.length ? exactly : partly).join(',') || text;
}

/* A day of the reader's, to its end where it is the last one. */
function instant(date, days) {
  if (!date) return '';
  const at = new Date(`${date}T00:00`);
  at.setDate(at.getDate() + days);
  return at.toISOString();
}

const asked = before => ({ actor: filters.actor, action: filters.action && codes(filters.action), since: instant(filters.since, 0), until: instant(filters.until, 1), before, limit: LIMIT });

/* Whom or what it is about, with the way there for who may go. */
function subject(event) {
  const name = event.entity_name || event.entity_id;
  if (event.entity_type === 'setting') return h('a', { href: api.url('settings') }, t('auto.title'));
  if (!name || (event.entity_type === 'user' && name === event.actor_username)) return null;
  if (rank === 'super_admin' && event.entity_type === 'user' && event.action !== 'user.deleted') return h('a', { href: api.url('users', { search: name }) }, name);
  if (rank === 'super_admin' && event.entity_type === 'api_key') return h('a', { href: `${api.url('users')}#keys` }, name);
  return h('span', {}, name);
}

/* What differs; all of it where there is only one side. */
function changes(event) {
  const before = event.before_json || {};
  const after = event.after_json || {};
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(name => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  if (!fields.length) return null;
  return h('dl', { class: 'facts changes' }, fields.map(name => [h('dt', {}, name),
    h('dd', {}, event.before_json && h('del', {}, shown(before[name])), event.before_json && event.after_json && ' → ', event.after_json && h('ins', {}, shown(after[name])))]));
}

function row(event) {
  const at = parseTime(event.created_at);
  const about = subject(event);
  const more = changes(event);
  return h('li', { class: 'row-item audit' }, icon(MARKS[event.actor_kind] || 'user'),
    h('div', { class: 'row-main' },
      h('p', {}, h('strong', {}, event.actor_username || t('audit.nobody')), ' ', said(event.action), about && [' · ', about]),
      h('small', {}, h('time', { datetime: event.created_at, title: exact(at) }, when(at)), event.remote_addr && ` · ${event.remote_addr}`, ` · #${event.id}`),
      more && h('details', {}, h('summary', {}, t(event.before_json ? 'audit.changes' : 'details.title')), more)));
}

function offer(events) {
  for (const event of events) if (event.actor_username) names.add(event.actor_username);
  fill(actorNames, [...names].sort().map(value => h('option', { value })));
}

let turn = 0;                           /* answers to an earlier question come too late */
async function load(before = null) {
  const mine = ++turn;
  const filtered = Object.values(filters).some(Boolean);
  try {
    const { events, more } = await api.audit(asked(before));
    if (mine !== turn) return;
    if (!before) fill(list);
    list.append(...events.map(row));
    offer(events);
    fill(foot, more && h('button', { type: 'button', class: 'btn btn-outline', onclick: () => load(events[events.length - 1].id) }, t('audit.older')),
      !before && !events.length && (filtered ? emptyBlock('search', t('threads.none'), t('audit.none')) : emptyBlock('shield', t('audit.empty'), t('audit.empty.text'))));
  } catch (error) {
    if (mine === turn) fill(foot, problemBlock(error, () => load(before)));
  }
}

let typing = 0;
function field(name, label, type, suggestions) {
  return h('label', { class: 'filter' }, h('span', { class: 'form-label' }, label), h('input', { class: 'form-control', name, type, list: suggestions, autocomplete: 'off', spellcheck: 'false',
    oninput: event => { filters[name] = event.target.value.trim(); clearTimeout(typing); typing = setTimeout(() => load(), 250); } }));
}

setTitle(t('nav.audit'));
fill(document.getElementById('main'),
  h('header', { class: 'top' }, h('h1', {}, t('nav.audit')), document.createElement('tw-connection')), document.createElement('tw-banner'),
  h('div', { class: 'page people' }, h('section', { class: 'card-box' },
    h('div', { class: 'filters card-pad' }, field('actor', t('audit.actor'), 'search', 'audit-actors'), field('action', t('audit.action'), 'search', 'audit-actions'),
      field('since', t('audit.since'), 'date'), field('until', t('audit.until'), 'date'),
      actorNames, h('datalist', { id: 'audit-actions' }, [...new Set(ACTIONS.map(plain))].map(value => h('option', { value })))),
    list, foot)));
api.session().then(who => { rank = who.role; }).catch(() => { /* the list says so */ }).finally(() => load());
