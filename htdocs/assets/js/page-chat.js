/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * page-chat.js - the inbox: the list of conversations and beside it the one of the address bar. Serves
 * inbox.html (none chosen yet) and chat.html (/chat/{number}); going from one to the other loads nothing anew.
 */
import { ROOT, chatUrl, peerOfLocation, url } from './api.js';
import { fill, h } from './dom.js';
import { title } from './format.js';
import { t } from './i18n.js';
import * as keys from './keys.js';
import './ui/account.js';
import './ui/connection.js';
import { setTitle } from './ui/rail.js';
import './ui/thread.js';
import './ui/threads.js';

const main = document.getElementById('main');
const threads = document.createElement('tw-threads');
const thread = document.createElement('tw-thread');

function showPeer(peer, row = null) {
  const left = peer === null ? thread.conversation?.peer : null;
  document.body.classList.toggle('in-thread', peer !== null);
  thread.open(peer, row);
  threads.select(thread.conversation?.peer || null);
  if (peer === null) setTitle(t('nav.inbox'));
  if (left) threads.links.find(link => link.dataset.peer === left)?.focus();
}

function open(row) {
  if (location.href !== chatUrl(row.peer)) history.pushState({ inbox: true }, '', chatUrl(row.peer));
  showPeer(row.peer, threads.row(row.peer));
  if (matchMedia('(min-width: 768px) and (pointer: fine)').matches) thread.focusComposer();
}

/* Back to the list: where the browser came from it, else as a step of its own. */
function back() {
  if (history.state?.inbox) return history.back();
  history.pushState(null, '', url('inbox'));
  showPeer(null);
}

function registerKeys() {
  keys.on('c', t('newchat.title'), () => threads.begin());
  keys.on('j', t('keys.next'), () => keys.step(threads.links, 1, threads.selectedLink));
  keys.on('k', t('keys.previous'), () => keys.step(threads.links, -1, threads.selectedLink));
  keys.on('Enter', t('keys.open'), () => false);        /* the focused link does it */
  keys.on('r', t('keys.reply'), () => thread.focusComposer());
  keys.on('Escape', t('keys.back'), event => {
    if (event.target.closest?.('tw-composer')) return void event.target.blur();
    if (!thread.conversation) return false;
    back();
    return true;
  });
}

threads.addEventListener('open', event => open(event.detail));
thread.addEventListener('back', back);
thread.addEventListener('row', event => {
  const row = event.detail;
  setTitle(title(row));
  threads.refresh(row);
  if (thread.conversation && threads.selectedLink?.dataset.peer !== thread.conversation.peer) threads.select(thread.conversation.peer);
});
addEventListener('popstate', () => showPeer(peerOfLocation()));

setTitle(t('nav.inbox'));
fill(main, document.createElement('tw-banner'), h('div', { class: 'panes' }, threads, thread));
registerKeys();
if (location.pathname.startsWith(ROOT.pathname)) showPeer(peerOfLocation());
