/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * counter.js - <tw-counter>: how long a text is and how many SMS parts it costs.
 */
import { fill, h } from '../dom.js';
import { number } from '../format.js';
import { t } from '../i18n.js';
import { costlyCharacters, countSegments } from '../segment.js';

class Counter extends HTMLElement {
  /** channel: only SMS is counted in parts. max: UTF-16 units that may be sent. */
  show(text, channel, max) {
    const over = text.length - max;
    this.classList.toggle('over', over > 0);
    if (over > 0) return fill(this, t('segments.over', { n: over, max }));
    if (channel !== 'sms') return fill(this, h('span', {}, `${number(text.length)} / ${number(max)}`));
    const count = countSegments(text);
    const room = count.segments * count.perSegment;
    const costly = count.encoding === 'UCS-2' && text.length > 70 ? costlyCharacters(text) : [];
    return fill(this,
      h('span', { title: t('segments.room', { n: count.left }) }, `${number(count.units)} / ${number(room)}`),
      h('span', { class: count.segments > 3 ? 'waiting' : null, title: t('segments.why') }, t('segments.parts', { n: count.segments })),
      h('span', { class: 'quiet', title: t(`segments.${count.encoding}`) }, count.encoding),
      costly.length > 0 && h('span', { class: 'quiet counter-tip' }, t('segments.costly', { chars: costly.join(' ') })));
  }
}
customElements.define('tw-counter', Counter);
