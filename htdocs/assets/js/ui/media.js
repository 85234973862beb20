/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * media.js - what came along with a message: pictures and sound in place, other files as links, and
 * the things WhatsApp tells besides the text.
 */
import { url } from '../api.js';
import { h, icon } from '../dom.js';
import { t } from '../i18n.js';

const kindOf = type => (type || '').split('/')[0];

/** "Photo", "Voice message", … for a content type. */
export function mediaWord(type) {
  const kind = kindOf(type);
  return t(['image', 'audio', 'video'].includes(kind) ? `media.${kind}` : 'media.file');
}

/** One line that stands for the message in lists: its text, else what it carries. */
export function summary(entry) {
  if (entry.body) return entry.body;
  if (entry.media?.length) return entry.media.length > 1 ? t('media.count', { n: entry.media.length }) : mediaWord(entry.media[0].content_type);
  if (entry.extra?.latitude) return t('media.location');
  return t('media.nothing');
}

function notice(mark, text) {
  return h('span', { class: 'media-note' }, icon(mark), text);
}

/* What cannot be shown here becomes a link to it. */
function picture(address, label) {
  const link = h('a', { href: address, target: '_blank', rel: 'noopener', class: 'media-picture' });
  const image = h('img', { src: address, alt: label, loading: 'lazy', onerror: () => link.replaceWith(fileLink(address, label)) });
  link.append(image);
  return link;
}

function fileLink(address, label) {
  return h('a', { href: address, target: '_blank', rel: 'noopener', class: 'media-file' }, icon('file'), h('span', {}, label));
}

function player(tag, address, label) {
  const element = h(tag, { src: address, controls: true, preload: 'none', 'aria-label': label, onerror: () => element.replaceWith(fileLink(address, label)) });
  return element;
}

function one(item) {
  const address = url(item.url);
  const label = mediaWord(item.content_type);
  if (item.state === 'pending') return notice('clock', t('media.pending'));
  if (item.state === 'refused') return notice('shield', t('media.refused'));
  if (item.state === 'failed') return notice('warning', t('media.failed'));
  if (kindOf(item.content_type) === 'image') return picture(address, label);
  if (kindOf(item.content_type) === 'audio') return player('audio', address, label);
  if (kindOf(item.content_type) === 'video') return player('video', address, label);
  const extension = (item.content_type || '').split('/')[1]?.split(';')[0];
  return fileLink(address, extension ? `${label} · ${extension.toUpperCase()}` : label);
}

/** All media of an entry, or null. */
export function mediaBlock(entry) {
  return entry.media?.length ? h('div', { class: 'media' }, entry.media.map(one)) : null;
}

function mapLink(extra) {
  const latitude = Number(extra.latitude);
  const longitude = Number(extra.longitude);
  if (extra.latitude === undefined || !Number.isFinite(latitude) || !Number.isFinite(longitude)) return null;
  const address = `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=16/${latitude}/${longitude}`;
  return h('a', { class: 'place', href: address, target: '_blank', rel: 'noopener noreferrer' }, icon('pin'),
    h('span', {}, h('strong', { dir: 'auto' }, extra.label || t('media.location')),
      h('small', { dir: 'auto' }, extra.address || `${latitude}, ${longitude}`)));
}

/** Location, pressed button, list choice; null when there is none. */
export function extraBlock(entry) {
  const extra = entry.extra || {};
  const choice = extra.button_text || extra.list_title;
  const parts = [mapLink(extra), choice && h('span', { class: 'choice', dir: 'auto' }, icon('reply'), t('media.chose', { choice }))].filter(Boolean);
  return parts.length ? parts : null;
}
