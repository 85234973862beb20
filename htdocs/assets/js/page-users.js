/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * page-users.js - people and programs that may sign in: accounts with their roles, API keys.
 */
import * as api from './api.js';
import { copyText, fill, h, icon, iconButton } from './dom.js';
import { hue, initials, parseTime, when } from './format.js';
import { t } from './i18n.js';
import './ui/connection.js';
import { ask, openDialog } from './ui/dialog.js';
import { form } from './ui/form.js';
import { attachMenu } from './ui/menu.js';
import { emptyBlock, problemBlock, problemText } from './ui/problem.js';
import { setTitle } from './ui/rail.js';
import { toast } from './ui/toast.js';

const ROLES = ['none', 'viewer', 'agent', 'admin', 'super_admin'];
const KEY_ROLES = ROLES.slice(1);
const PAGE = 50;                        /* rows at first, and with each "more" */
const MOST = 500;                       /* in one request */
const options = roles => roles.map(role => [role, t(`role.${role}`)]);
const time = text => (text ? when(parseTime(text)) : t('users.never'));

/** Do it, say how it went, show the list again. */
async function act(work, done, after) {
  try {
    await work();
    toast(done);
  } catch (error) {
    toast(problemText(error), { bad: true });
  }
  after();
}

/* ---- people ---------------------------------------------------------------------------- */

function addUser(reload) {
  return openDialog(t('users.add'), close => h('div', { class: 'sheet-body' }, form([
    { name: 'username', label: t('signin.username'), hint: t('users.username.hint'), required: true, autofocus: true },
    { name: 'full_name', label: t('me.full_name') },
    { name: 'email', label: t('me.email'), type: 'email' },
    { name: 'role', label: t('users.role'), options: options(ROLES), value: 'agent' },
    { name: 'password', label: t('signin.password'), type: 'password', autocomplete: 'new-password', hint: t('users.password.hint') },
  ], t('users.add'), async values => {
    await api.addUser(Object.fromEntries(Object.entries(values).filter(([, value]) => value !== '')));
    close(true);
    reload();
  })));
}

function newPassword(user, reload) {
  return openDialog(t('users.password'), close => h('div', { class: 'sheet-body' }, h('p', {}, t('users.password.text', { user: user.username })),
    form([{ name: 'password', label: t('me.password.new'), type: 'password', autocomplete: 'new-password', required: true, autofocus: true }], t('users.password'),
      async values => { await api.setUserPassword(user.id, values.password); close(true); toast(t('users.password.done')); reload(); })));
}

/* Only what was changed: an address that an administrator gives counts as confirmed, and one that merely stood there is not theirs. */
const changed = (user, values) => Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== (user[name] || '')));

function edit(user, reload) {
  return openDialog(t('users.edit'), close => h('div', { class: 'sheet-body' }, h('p', { class: 'hint' }, t('users.edit.text', { user: user.username })), form([
    { name: 'full_name', label: t('me.full_name'), value: user.full_name, autofocus: true },
    { name: 'email', label: t('me.email'), type: 'email', value: user.email },
    { name: 'phone_number', label: t('me.phone'), type: 'tel', value: user.phone_number, hint: t('users.phone.hint') },
  ], t('action.save'), async values => {
    await api.changeUser(user.id, changed(user, values));
    close(true);
    toast(t('me.saved'));
    reload();
  })));
}

/** Ask first, with what follows from it. */
async function askAndAct(what, user, work, done, reload) {
  if (await ask(t(`${what}.ask`, { user: user.username }), t(`${what}.text`), t(what), { danger: true })) act(work, done, reload);
}

const resetFactor = (user, reload) => askAndAct('users.factor_reset', user, () => api.resetFactor(user.id), t('users.factor_reset.done'), reload);
const signOut = (user, reload) => askAndAct('users.sign_out', user, () => api.signOutUser(user.id), t('users.sign_out.done'), reload);
const disable = (user, reload) => askAndAct('users.disable', user, () => api.changeUser(user.id, { is_active: false }), t('users.disabled'), reload);
const remove = (user, reload) => askAndAct('users.delete', user, () => api.deleteUser(user.id), t('users.deleted'), reload);

const userMenu = (user, reload) => () => [
  { icon: 'edit', label: t('users.edit'), run: () => edit(user, reload) },
  { icon: 'key', label: t('users.password'), run: () => newPassword(user, reload) },
  user.second_factor && { icon: 'shield', label: t('users.factor_reset'), run: () => resetFactor(user, reload) },
  { icon: 'out', label: t('users.sign_out'), run: () => signOut(user, reload) },
  user.is_active ? { icon: 'ban', label: t('users.disable'), run: () => disable(user, reload) }
    : { icon: 'check', label: t('users.enable'), run: () => act(() => api.changeUser(user.id, { is_active: true }), t('users.enabled'), reload) },
  '-',
  { icon: 'trash', label: t('users.delete'), danger: true, run: () => remove(user, reload) },
].filter(Boolean);

function roleOf(user, reload) {
  return h('select', { class: 'form-control slim', 'aria-label': t('users.role_of', { user: user.username }),
    onchange: event => act(() => api.changeUser(user.id, { role: event.target.value }), t('users.role.done', { user: user.username }), reload) },
  options(ROLES).map(([value, label]) => h('option', { value, selected: value === user.role }, label)));
}

function userRow(user, me, reload) {
  const own = user.username === me;
  return h('li', { class: user.is_active ? 'row-item' : 'row-item off' },
    h('span', { class: `avatar sm av-${hue(user.username)}` }, initials(user.full_name || user.username)),
    h('div', { class: 'row-main' }, h('strong', { class: 'one-line' }, user.full_name || user.username, own && h('span', { class: 'row-you' }, t('users.you'))),
      h('small', { class: 'one-line' }, [user.full_name && user.username, user.email, !user.is_active && t('users.is_disabled'), user.origin === 'apache' && t('users.from_apache')]
        .filter(Boolean).join(' · '))),
    h('small', { class: 'row-fact' }, user.second_factor && icon('shield', t('factor.is_on')), t('users.last', { time: time(user.last_signin_at) })),
    own ? h('span', { class: 'slim-word' }, t(`role.${user.role}`)) : roleOf(user, reload),
    own ? h('span', { class: 'row-gap' }) : attachMenu(iconButton('more', t('users.menu', { user: user.username })), userMenu(user, reload)));
}

let asked = 0;                          /* answers to an earlier question come too late */

/** count: as many rows as were there before, so that nobody loses their place by a change. */
async function people(place, me, search = '', count = PAGE) {
  const mine = ++asked;
  const list = h('ul', { class: 'rows' });
  const foot = h('div', { class: 'rows-foot' });
  const reload = () => people(place, me, search, Math.max(list.children.length, PAGE));
  let last = null;

  async function grow(wanted) {
    for (let left = wanted, more = true; left > 0 && more;) {
      const page = await api.users({ search, after: last, limit: Math.min(left, MOST) });
      list.append(...page.users.map(user => userRow(user, me, reload)));
      last = page.users.at(-1)?.username;
      left -= page.users.length;
      more = page.more;
      fill(foot, more && [h('span', { class: 'hint' }, t('users.shown', { n: list.children.length })),
        h('button', { type: 'button', class: 'btn btn-outline', onclick: () => grow(PAGE).catch(error => toast(problemText(error), { bad: true })) }, t('users.more'))]);
    }
  }
  try {
    await grow(count);
    if (mine === asked) fill(place, list.children.length ? [list, foot] : emptyBlock('users', t('threads.none'), t('users.none', { text: search })));
  } catch (error) {
    if (mine === asked) fill(place, problemBlock(error, reload));
  }
}

/* ---- keys --------------------------------------------------------------------------------- */

function showKey(key) {
  return openDialog(t('apikeys.made'), close => h('div', { class: 'sheet-body' }, h('p', {}, t('apikeys.made.text')), h('pre', { class: 'codes' }, key),
    h('div', { class: 'sheet-foot' },
      h('button', { type: 'button', class: 'btn btn-outline', onclick: () => copyText(key).then(() => toast(t('toast.copied'))) }, icon('copy'), t('apikeys.copy')),
      h('button', { type: 'button', class: 'btn btn-accent', onclick: () => close(true) }, t('factor.codes.kept')))));
}

async function addKey(reload) {
  const key = await openDialog(t('apikeys.add'), close => h('div', { class: 'sheet-body' }, form([
    { name: 'name', label: t('apikeys.name'), hint: t('apikeys.name.hint'), required: true, autofocus: true },
    { name: 'role', label: t('users.role'), options: options(KEY_ROLES), value: 'agent' },
    { name: 'days', label: t('apikeys.days'), hint: t('apikeys.days.hint'), inputmode: 'numeric' },
  ], t('apikeys.add'), async values => close((await api.addKey({ name: values.name, role: values.role, days: Number(values.days) || 0 })).key))));
  if (!key) return;
  await showKey(key);
  reload();
}

async function revoke(key, reload) {
  if (!await ask(t('apikeys.revoke.ask', { name: key.name }), t('apikeys.revoke.text'), t('apikeys.revoke'), { danger: true })) return;
  act(() => api.revokeKey(key.id), t('apikeys.revoked'), reload);
}

function keyRow(key, reload) {
  const over = key.revoked_at || (key.expires_at && parseTime(key.expires_at) < new Date());
  const facts = [t(`role.${key.role}`), key.expires_at && t('apikeys.until', { time: time(key.expires_at) }), key.created_by && t('apikeys.by', { user: key.created_by })];
  return h('li', { class: over ? 'row-item off' : 'row-item' }, icon('code'),
    h('div', { class: 'row-main' }, h('strong', { class: 'one-line' }, key.name), h('small', { class: 'one-line' }, [`${key.prefix}…`, ...facts].filter(Boolean).join(' · '))),
    h('small', { class: 'row-fact' }, t('apikeys.used', { time: time(key.last_used_at) })),
    over ? h('span', { class: 'slim-word' }, t(key.revoked_at ? 'apikeys.is_revoked' : 'apikeys.is_over'))
      : h('button', { type: 'button', class: 'btn-small', onclick: () => revoke(key, reload) }, t('apikeys.revoke')));
}

async function keys(place) {
  const reload = () => keys(place);
  try {
    const { items } = await api.keysOf();
    fill(place, items.length ? h('ul', { class: 'rows' }, items.slice().reverse().map(key => keyRow(key, reload)))
      : emptyBlock('code', t('apikeys.none'), t('apikeys.none.text')));
  } catch (error) {
    fill(place, problemBlock(error, reload));
  }
}

/* ---- the page -------------------------------------------------------------------------------- */

const lines = () => h('div', { class: 'card-pad' }, h('div', { class: 'skeleton-lines' }, Array.from({ length: 3 }, () => h('span', { class: 'skeleton' }))));
const peoplePlace = h('div', {}, lines());
const keysPlace = h('div', {}, lines());
let me = '';
let typing = 0;
const search = h('input', { class: 'search-field', type: 'search', placeholder: t('users.search'), 'aria-label': t('users.search'), data: { search: '' },
  oninput: () => { clearTimeout(typing); typing = setTimeout(() => people(peoplePlace, me, search.value.trim()), 200); } });

const wanted = new URLSearchParams(location.search).get('search') || '';
search.value = wanted;

const card = (id, title, button, place) => h('section', { class: 'card-box', id }, h('div', { class: 'card-head' }, h('h2', {}, title), button), place);
const adder = (label, run) => h('button', { type: 'button', class: 'btn btn-accent', onclick: run }, icon('plus'), label);
setTitle(t('nav.users'));
fill(document.getElementById('main'),
  h('header', { class: 'top' }, h('h1', {}, t('nav.users')), h('div', { class: 'search' }, icon('search'), search, h('kbd', {}, '/')), document.createElement('tw-connection')),
  document.createElement('tw-banner'),
  h('div', { class: 'page people' },
    card('people', t('users.title'), adder(t('users.add'), () => addUser(() => people(peoplePlace, me, search.value.trim()))), peoplePlace),
    card('keys', t('apikeys.title'), adder(t('apikeys.add'), () => addKey(() => keys(keysPlace))), keysPlace)));
api.session().then(who => { me = who.account ? who.user : ''; }).catch(() => { /* the lists say so */ }).finally(() => people(peoplePlace, me, wanted));
keys(keysPlace).then(() => { if (location.hash === '#keys') document.getElementById('keys').scrollIntoView(); });
