/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * schedule.js - asks when a message is to go out.
 */
import { h, icon } from '../dom.js';
import { dayAndClock, localInput } from '../format.js';
import { t } from '../i18n.js';
import { openDialog } from './dialog.js';

const HOUR_MS = 3600000;

function at(days, hour) {
  const date = new Date();
  date.setDate(date.getDate() + days);
  date.setHours(hour, 0, 0, 0);
  return date;
}

function presets() {
  const soon = new Date(Math.ceil((Date.now() + HOUR_MS) / 300000) * 300000);
  const evening = at(0, 18);
  const untilMonday = (8 - new Date().getDay()) % 7 || 7;
  return [['schedule.hour', soon], evening - Date.now() > HOUR_MS && ['schedule.evening', evening],
    ['schedule.tomorrow', at(1, 9)], untilMonday > 1 && ['schedule.monday', at(untilMonday, 9)]].filter(Boolean);
}

/** Resolves with a Date in the future, or null. */
export function askWhen(current) {
  return openDialog(t('schedule.title'), close => {
    const input = h('input', { type: 'datetime-local', class: 'form-control', id: 'schedule-at', required: true,
      min: localInput(new Date()), value: localInput(current || at(1, 9)) });
    const wrong = h('p', { class: 'field-error', role: 'alert', hidden: true }, t('schedule.past'));
    const submit = event => {
      event.preventDefault();
      const date = new Date(input.value);
      wrong.hidden = date.getTime() > Date.now();
      if (wrong.hidden) close(date);
    };
    return h('form', { class: 'sheet-body', novalidate: true, onsubmit: submit },
      h('div', { class: 'presets' }, presets().map(([key, date]) =>
        h('button', { type: 'button', class: 'preset', onclick: () => close(date) }, icon('clock'), h('span', {}, t(key)), h('small', {}, dayAndClock(date))))),
      h('label', { class: 'form-label', for: 'schedule-at' }, t('schedule.own')),
      input, wrong,
      h('p', { class: 'hint' }, t('schedule.zone', { zone: Intl.DateTimeFormat().resolvedOptions().timeZone })),
      h('div', { class: 'sheet-foot' }, h('button', { type: 'submit', class: 'btn btn-accent' }, t('schedule.set'))));
  });
}
