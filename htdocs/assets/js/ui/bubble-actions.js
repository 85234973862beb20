/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * bubble-actions.js - what can be done with a message: take it back, try again, copy, look behind it,
 * erase or delete it.
 */
import { newKey } from '../api.js';
import { copyText, h } from '../dom.js';
import { bare, exact, parseTime } from '../format.js';
import { t } from '../i18n.js';
import { outgoing } from '../outgoing.js';
import { ask, openDialog } from './dialog.js';
import { problemText } from './problem.js';
import { toast } from './toast.js';
import { statusWord } from './status.js';

const retryKeys = new Map();            /* failed entry → key: pressing twice asks once */
const retried = new Set();

async function copy(text) {
  try {
    await copyText(text);
    toast(t('toast.copied'));
  } catch {
    toast(t('toast.not_copied'), { bad: true });
  }
}

function details(entry) {
  const rows = [['status', statusWord(entry.status)], ['from', bare(entry.from_number)], ['to', bare(entry.to_number)], ['source', t(`source.${entry.source}`)],
    ['created', exact(parseTime(entry.created_at))], ['updated', exact(parseTime(entry.updated_at))], ['send_at', exact(parseTime(entry.send_at))],
    ['error_code', entry.error_code], ['sid', entry.sid], ['id', entry.id]];
  return openDialog(t('details.title'), () => h('div', { class: 'sheet-body' },
    h('dl', { class: 'facts' }, rows.filter(([, value]) => value).map(([name, value]) => [h('dt', {}, t(`details.${name}`)), h('dd', {}, value)]))));
}

/** Actions for the bubbles of one conversation; reuse(text) puts text back into the editor. */
export function bubbleActions(conversation, reuse) {
  const attempt = async (run, done) => {
    try {
      await run();
      if (done) done();
      return true;
    } catch (error) {
      toast(problemText(error), { bad: true });
      return false;
    }
  };
  const erase = async entry => {
    if (await ask(t('redact.title'), t('redact.text'), t('redact.yes'), { danger: true })) await attempt(() => conversation.redact(entry), () => toast(t('redact.done')));
  };
  const remove = async entry => {
    if (await ask(t('delete.title'), t('delete.text'), t('delete.yes'), { danger: true })) await attempt(() => conversation.remove(entry), () => toast(t('delete.done')));
  };
  return {
    mayRetry: entry => !retried.has(entry.id) && !conversation.row.opted_out,
    mayResend: () => !conversation.row.opted_out,
    resend: item => outgoing.retry(item),
    discard: item => { outgoing.discard(item); reuse(item.payload.body || ''); },
    cancel: entry => attempt(() => conversation.cancel(entry),
      () => toast(t('toast.canceled'), { action: entry.body ? { label: t('action.edit_again'), run: () => reuse(entry.body) } : null })),
    retry: async entry => {
      if (!retryKeys.has(entry.id)) retryKeys.set(entry.id, newKey());
      retried.add(entry.id);
      if (await attempt(() => conversation.retry(entry, retryKeys.get(entry.id)))) return;
      retried.delete(entry.id);
      conversation.dispatchEvent(new Event('change'));
    },
    menu: entry => [
      entry.body && { icon: 'copy', label: t('action.copy_text'), run: () => copy(entry.body) },
      { icon: 'info', label: t('details.title'), run: () => details(entry) },
      entry.sid && '-',
      entry.sid && entry.body && { icon: 'eraser', label: t('redact.yes'), danger: true, run: () => erase(entry) },
      entry.sid && { icon: 'trash', label: t('delete.yes'), danger: true, run: () => remove(entry) },
    ].filter(Boolean),
  };
}

export { copy };
