/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * thread.js - <tw-thread>: one conversation with its head, notices, messages and the composer.
 * Fires "back" and "row" (detail: the conversation's row) when that changed.
 */
import { url } from '../api.js';
import { Conversation } from '../conversation.js';
import { fill, h, icon, iconButton } from '../dom.js';
import { bare, parseTime, phone, title } from '../format.js';
import { t } from '../i18n.js';
import { draftOf, keepDraft } from '../keep.js';
import { outgoing } from '../outgoing.js';
import { avatar, channelName } from './avatar.js';
import { bubbleActions, copy } from './bubble-actions.js';
import './composer.js';
import { emptyBlock } from './problem.js';
import './stream.js';
import { toast } from './toast.js';

const WINDOW_MS = 24 * 3600 * 1000;     /* WhatsApp: free text only so long after their last message */
const READ_AFTER_MS = 400;

class Thread extends HTMLElement {
  conversation = null;
  #readTimer = null;
  #signs = new Map();

  connectedCallback() {
    this.head = h('header', { class: 'thread-head' });
    this.notices = h('div', { class: 'notices' });
    this.stream = document.createElement('tw-stream');
    this.composer = h('tw-composer', { oncompose: event => this.#compose(event), ondraft: event => this.#draft(event.detail) });
    this.nothing = h('div', { class: 'thread-nothing' }, emptyBlock('inbox', t('thread.choose'), t('thread.choose.how')));
    this.replaceChildren(this.head, this.notices, this.stream, this.composer, this.nothing);
    this.stream.addEventListener('bottom', () => this.#read());
    document.addEventListener('visibilitychange', () => this.#read());
    addEventListener('focus', () => this.#read());
    this.open(null);
  }

  /** Show the conversation with asked (any spelling), or nothing. row: when the list has it. */
  open(asked, row = null) {
    this.conversation?.close();
    clearTimeout(this.#readTimer);
    this.#readTimer = null;
    this.#signs.clear();
    const none = asked === null;
    this.classList.toggle('none', none);
    this.conversation = none ? null : new Conversation(asked, row);
    if (none) return this.stream.show(null, null);
    this.composer.load(draftOf(this.conversation.peer));
    this.stream.show(this.conversation, bubbleActions(this.conversation, text => this.#reuse(text)));
    this.conversation.addEventListener('change', () => this.#changed());
    this.#changed();
    this.conversation.load();
  }

  focusComposer() {
    if (!this.conversation || this.composer.hidden) return false;
    this.composer.focus();
    return true;
  }

  #changed() {
    const { row, peer } = this.conversation;
    if (this.draftPeer !== peer && this.conversation.state === 'ready') this.#canonicalDraft(peer);
    this.composer.channel = row.channel || 'sms';
    this.composer.hidden = Boolean(row.opted_out) || this.conversation.nobody;
    this.#part(this.head, [row.peer, row.name, row.channel, row.opted_out, this.conversation.nobody], () => this.#head(row));
    this.#part(this.notices, [row.opted_out, row.loop_guard, this.#windowClosed()], () => this.#notices(row));
    this.dispatchEvent(new CustomEvent('row', { detail: row }));
    this.#read();
  }

  /* The address may have been another spelling: the draft is kept under the canonical one. */
  #canonicalDraft(peer) {
    this.draftPeer = peer;
    if (!this.composer.draft.body) this.composer.load(draftOf(peer));
  }

  #part(place, state, make) {
    const sign = JSON.stringify(state);
    if (this.#signs.get(place) === sign) return;
    this.#signs.set(place, sign);
    fill(place, make());
  }

  #head(row) {
    const number = h('button', { type: 'button', class: 'thread-number', title: t('action.copy_number'), onclick: () => copy(bare(row.peer)) },
      phone(row.peer), icon('copy'));
    return [
      iconButton('back', t('thread.back'), () => this.dispatchEvent(new Event('back')), { class: 'btn-icon thread-back' }),
      avatar(row),
      h('div', { class: 'thread-who' }, h('h2', { class: 'one-line', dir: 'auto' }, title(row)),
        !this.conversation.nobody && h('div', { class: 'thread-sub' }, h('span', { class: `channel ch-${row.channel}` }, channelName(row.channel)), row.name && number,
          !row.name && iconButton('copy', t('action.copy_number'), () => copy(bare(row.peer)), { class: 'btn-icon tiny' }))),
    ];
  }

  #windowClosed() {
    if (this.conversation.row.channel !== 'whatsapp' || this.conversation.state !== 'ready') return false;
    const last = parseTime(this.conversation.lastInboundAt);
    if (!last) return !this.conversation.hasMore;
    return Date.now() - last > WINDOW_MS;
  }

  #notices(row) {
    const notice = (kind, mark, heading, text, ...rest) => h('div', { class: `notice ${kind}`, role: 'note' }, icon(mark), h('p', {}, h('strong', {}, heading), ' ', text), rest);
    const lift = h('button', { type: 'button', class: 'btn-small', onclick: () => this.#liftGuard() }, t('guard.lift'));
    return [
      row.opted_out && notice('bad', 'ban', t('optout.title'), t('optout.text')),
      row.loop_guard && notice('waiting', 'pause', t('guard.title'), t('guard.text'), lift),
      !row.opted_out && this.#windowClosed() && notice('info', 'info', t('window.title'), t('window.text')),
    ];
  }

  async #liftGuard() {
    const { conversation } = this;
    conversation.row = { ...conversation.row, unread: conversation.row.unread || 1 };
    await conversation.markRead();
    toast(t('guard.lifted'));
    conversation.load();
  }

  /* Read when somebody can have seen it: the page in front, the newest message in view. */
  #read() {
    const conversation = this.conversation;
    if (this.#readTimer || !conversation?.row.unread || conversation.state !== 'ready') return;
    this.#readTimer = setTimeout(() => {
      this.#readTimer = null;
      if (document.hidden || !document.hasFocus() || !this.stream.atBottom || conversation !== this.conversation || conversation.row.loop_guard) return;
      conversation.markRead();
      this.dispatchEvent(new CustomEvent('row', { detail: conversation.row }));
    }, READ_AFTER_MS);
  }

  #compose(event) {
    const { peer } = this.conversation;
    outgoing.send(peer, { to: peer, ...event.detail });
    this.conversation.unreadAtOpen = 0;
    this.stream.toBottom();
  }

  #draft(draft) {
    keepDraft(this.conversation.peer, draft);
  }

  #reuse(text) {
    if (!text) return;
    const draft = this.composer.draft;
    this.composer.load({ ...draft, body: draft.body ? `${draft.body}\n${text}` : text });
    this.#draft(this.composer.draft);
    this.composer.focus();
  }
}
customElements.define('tw-thread', Thread);

/** Where "back" leads when there is no list beside the thread. */
export const inboxUrl = () => url('inbox');
