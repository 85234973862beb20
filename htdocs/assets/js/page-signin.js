/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * page-signin.js - name and password, then the code of an authenticator app where the account has one.
 */
import { ROOT, signIn, url } from './api.js';
import { fill, h } from './dom.js';
import { t } from './i18n.js';
import { form } from './ui/form.js';

/** Where to go afterwards: a page of this site, or its first one. */
function next() {
  const wanted = new URLSearchParams(location.search).get('next') || '';
  try {
    const address = new URL(wanted, ROOT);
    if (wanted.startsWith('/') && address.origin === ROOT.origin && address.pathname.startsWith(ROOT.pathname)) return address.href;
  } catch { /* no address at all */ }
  return url('.');
}

async function submit(values, element) {
  const code = element.fieldOf('code');
  try {
    await signIn(values.username, values.password, values.code);
  } catch (error) {
    if (error.code !== 'code_needed') throw error;
    code.row.hidden = false;
    code.input.focus();
    return;
  }
  location.replace(next());
}

document.title = `${t('signin.title')} · Twchat`;
fill(document.getElementById('main'), h('div', { class: 'door-card card-box' },
  h('div', { class: 'door-head' }, h('img', { src: url('assets/img/logo.svg'), alt: '', width: 44, height: 44 }), h('h1', {}, t('signin.title'))),
  form([
    { name: 'username', label: t('signin.username'), autocomplete: 'username', autofocus: true, required: true },
    { name: 'password', label: t('signin.password'), type: 'password', autocomplete: 'current-password', required: true },
    { name: 'code', label: t('signin.code'), hint: t('signin.code.hint'), autocomplete: 'one-time-code', hidden: true },
  ], t('action.sign_in'), submit)));
document.querySelector('[autofocus]')?.focus();
