/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * page-account.js - one's own account: name, password, second factor, where one is signed in.
 */
import * as api from './api.js';
import { copyText, fill, h, icon } from './dom.js';
import { parseTime, when } from './format.js';
import { t } from './i18n.js';
import './ui/connection.js';
import { ask, openDialog } from './ui/dialog.js';
import { form } from './ui/form.js';
import { emptyBlock, problemBlock, problemText } from './ui/problem.js';
import { section } from './ui/section.js';
import { setTitle } from './ui/rail.js';
import { toast } from './ui/toast.js';

const main = document.getElementById('main');

function about(me) {
  return form([
    { name: 'full_name', label: t('me.full_name'), value: me.full_name, autocomplete: 'name' },
    { name: 'email', label: t('me.email'), value: me.email, type: 'email', autocomplete: 'email' },
    { name: 'phone_number', label: t('me.phone'), value: me.phone_number, type: 'tel', autocomplete: 'tel', hint: t('me.phone.hint') },
  ], t('action.save'), async values => {
    await api.changeAccount(values);
    toast(t('me.saved'));
  });
}

function password() {
  return form([
    { name: 'current_password', label: t('me.password.current'), type: 'password', autocomplete: 'current-password', required: true },
    { name: 'new_password', label: t('me.password.new'), type: 'password', autocomplete: 'new-password', hint: t('me.password.hint'), required: true },
  ], t('me.password.change'), async (values, element) => {
    await api.changePassword(values.current_password, values.new_password);
    element.reset();
    toast(t('me.password.changed'));
  });
}

/* ---- second factor ------------------------------------------------------------------- */

/* The code a camera reads: one square per module, four modules of margin. */
function qr(rows) {
  const NS = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(NS, 'svg');
  const path = document.createElementNS(NS, 'path');
  const size = rows.length + 8;
  path.setAttribute('d', rows.map((row, y) => [...row].map((bit, x) => (bit === '1' ? `M${x + 4} ${y + 4}h1v1h-1z` : '')).join('')).join(''));
  svg.setAttribute('viewBox', `0 0 ${size} ${size}`);
  svg.setAttribute('class', 'qr');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', t('factor.qr'));
  svg.append(path);
  return svg;
}

function codesSheet(codes) {
  const text = codes.join('\n');
  return openDialog(t('factor.codes'), close => h('div', { class: 'sheet-body' },
    h('p', {}, t('factor.codes.text')), h('pre', { class: 'codes' }, text),
    h('div', { class: 'sheet-foot' },
      h('button', { type: 'button', class: 'btn btn-outline', onclick: () => copyText(text).then(() => toast(t('toast.copied'))) }, icon('copy'), t('factor.codes.copy')),
      h('button', { type: 'button', class: 'btn btn-accent', onclick: () => close(true) }, t('factor.codes.kept')))));
}

/* One's password once more, for what whoever finds this browser open is not to do. Resolves what act answers. */
const withPassword = (title, text, label, act) => openDialog(title, close => h('div', { class: 'sheet-body' }, h('p', {}, text),
  form([{ name: 'password', label: t('me.password.current'), type: 'password', autocomplete: 'current-password', required: true, autofocus: true }], label,
    async values => close(await act(values.password)))));

async function enroll(me, who, place) {
  const begun = await (me.has_password ? withPassword(t('factor.set_up.title'), t('factor.password.text'), t('factor.next'), api.beginFactor) : api.beginFactor());
  if (!begun) return;
  const codes = await openDialog(t('factor.set_up.title'), close => h('div', { class: 'sheet-body' },
    h('p', {}, t('factor.scan')), qr(begun.qr),
    h('p', { class: 'hint' }, t('factor.by_hand'), ' ', h('a', { href: begun.url }, t('factor.open_app'))),
    h('pre', { class: 'codes' }, begun.secret.match(/.{1,4}/g).join(' ')),
    form([{ name: 'code', label: t('factor.code'), inputmode: 'numeric', autocomplete: 'one-time-code', required: true, autofocus: true }], t('factor.confirm'),
      async values => close((await api.confirmFactor(values.code)).recovery_codes))));
  if (!codes) return;
  await codesSheet(codes);
  if (who.must_enroll) location.href = api.url('.');      /* everything else is open now */
  else load(place);
}

async function turnOff(place) {
  const off = await withPassword(t('factor.off'), t('factor.off.text'), t('factor.off'), api.factorOff);
  if (off) load(place);
}

async function renewCodes(me, place) {
  const made = await (me.has_password ? withPassword(t('factor.codes.new'), t('factor.codes.new.text'), t('factor.codes.new'), api.renewCodes) : api.renewCodes());
  if (!made) return;
  await codesSheet(made.recovery_codes);
  load(place);
}

/* Fewer than a few: it is time for new ones. */
const FEW_CODES = 3;

async function showLeft(line) {
  const { recovery_codes_left: left } = await api.factorState();
  line.classList.toggle('field-error', left < FEW_CODES);
  line.textContent = t('factor.codes.left', { n: left });
}

const say = error => toast(problemText(error), { bad: true });

/* Why somebody is here who wanted to go elsewhere. */
function mustEnroll(me, who, place) {
  return h('div', { class: 'notice', role: 'alert' }, icon('shield'), h('div', {}, h('strong', {}, t('factor.must.title')), h('p', {}, t('factor.must'))),
    h('button', { type: 'button', class: 'btn btn-accent', onclick: () => enroll(me, who, place).catch(say) }, t('factor.set_up')));
}

function factor(me, who, place) {
  const left = h('p', { class: 'codes-left' });
  if (me.second_factor) showLeft(left).catch(say);
  return h('div', { class: 'factor' },
    h('p', { class: me.second_factor ? 'state-line good' : 'state-line' }, icon('shield'), t(me.second_factor ? 'factor.is_on' : 'factor.is_off')),
    me.second_factor && left,
    h('div', { class: 'form-actions' }, me.second_factor
      ? [h('button', { type: 'button', class: 'btn btn-outline', onclick: () => renewCodes(me, place).catch(say) }, t('factor.codes.new')),
        h('button', { type: 'button', class: 'btn btn-outline', onclick: () => turnOff(place) }, t('factor.off'))]
      : h('button', { type: 'button', class: 'btn btn-accent', onclick: () => enroll(me, who, place).catch(say) }, t('factor.set_up'))));
}

/* ---- where one is signed in -------------------------------------------------------------- */

const device = text => text || t('sessions.unknown');

async function sessions(place) {
  const { items } = await api.sessions();
  const end = async row => {
    await api.endSession(row.id);
    sessions(place);
  };
  fill(place, h('ul', { class: 'rows' }, items.map(row => h('li', { class: 'row-item' }, icon(row.kind === 'token' ? 'code' : 'screen'),
    h('div', { class: 'row-main' }, h('strong', { class: 'one-line' }, device(row.device_info)),
      h('small', {}, row.current ? t('sessions.this') : t('sessions.used', { time: when(parseTime(row.last_used_at)) }), ' · ', row.ip_address)),
    !row.current && h('button', { type: 'button', class: 'btn-small', onclick: () => end(row) }, t('sessions.end'))))),
    h('div', { class: 'form-actions' }, h('button', { type: 'button', class: 'btn btn-outline', onclick: everywhere }, t('sessions.all'))));
}

async function everywhere() {
  if (!await ask(t('sessions.all'), t('sessions.all.text'), t('sessions.all'), { danger: true })) return;
  await api.signOutEverywhere();
  location.href = api.url('signin');
}

async function load(place) {
  try {
    const who = await api.session();
    if (!who.account) return void fill(place, emptyBlock('user', t('me.none'), t('me.none.text', { user: who.user })));
    const me = await api.account();
    const list = h('div', {}, h('div', { class: 'skeleton-lines' }, h('span', { class: 'skeleton' })));
    fill(place, who.must_enroll && mustEnroll(me, who, place),
      section('me-about', t('me.about'), t('me.about.text', { user: me.username, role: t(`role.${me.role}`) }), about(me)),
      me.has_password && section('me-password', t('me.password'), t('me.password.text'), password()),
      section('me-factor', t('factor.title'), t('factor.text'), factor(me, who, place)),
      section('me-sessions', t('sessions.title'), t('sessions.text'), list));
    await sessions(list);
  } catch (error) {
    fill(place, problemBlock(error, () => load(place)));
  }
}

const place = h('div', { class: 'page settings' });
setTitle(t('nav.account'));
fill(main, h('header', { class: 'top' }, h('h1', {}, t('nav.account')), document.createElement('tw-connection')), document.createElement('tw-banner'), place);
load(place);
