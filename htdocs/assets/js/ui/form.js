/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * form.js - forms of plain fields: labels, hints, what is wrong beside the field it is about.
 */
import { h } from '../dom.js';
import { problemText } from './problem.js';

let count = 0;

function control(field, id) {
  if (field.options) {
    return h('select', { class: 'form-control', id, name: field.name, disabled: field.disabled },
      field.options.map(([value, label]) => h('option', { value, selected: value === field.value }, label)));
  }
  return h('input', { class: 'form-control', id, name: field.name, type: field.type || 'text', value: field.value || '', autocomplete: field.autocomplete || 'off',
    inputmode: field.inputmode, spellcheck: 'false', autocapitalize: 'none', required: field.required, autofocus: field.autofocus, disabled: field.disabled,
    'aria-describedby': `${id}-hint ${id}-error` });
}

/**
 * A form. fields: {name, label, type?, value?, hint?, autocomplete?, required?, options?: [[value, label]…]}; submit(values) is awaited, and
 * an ApiError of it is shown: beside the field it names, else above the button.
 */
export function form(fields, label, submit, ...beside) {
  const parts = new Map();
  const general = h('p', { class: 'field-error', role: 'alert', hidden: true });
  const button = h('button', { type: 'submit', class: 'btn btn-accent' }, label);

  function clear() {
    general.hidden = true;
    for (const { input, error } of parts.values()) {
      input.removeAttribute('aria-invalid');
      error.hidden = true;
    }
  }
  function fail(error) {
    const part = parts.get(error.field);
    const place = part ? part.error : general;
    place.textContent = problemText(error);
    place.hidden = false;
    if (!part) return;
    part.input.setAttribute('aria-invalid', 'true');
    part.input.focus();
  }
  async function run(event) {
    event.preventDefault();
    if (button.disabled) return;
    clear();
    button.disabled = true;
    try {
      await submit(Object.fromEntries([...parts].map(([name, { input }]) => [name, input.value])), element);
    } catch (error) {
      fail(error);
    } finally {
      button.disabled = false;
    }
  }

  const rows = fields.map(field => {
    const id = `f-${++count}-${field.name}`;
    const input = control(field, id);
    const error = h('p', { class: 'field-error', id: `${id}-error`, role: 'alert', hidden: true });
    const row = h('div', { class: 'field', hidden: field.hidden }, h('label', { class: 'form-label', for: id }, field.label), input,
      field.hint && h('p', { class: 'hint', id: `${id}-hint` }, field.hint), error);
    parts.set(field.name, { row, input, error });
    return row;
  });
  const element = h('form', { novalidate: true, class: 'plain-form', onsubmit: run }, rows, general, h('div', { class: 'form-actions' }, beside, button));
  element.fieldOf = name => parts.get(name);
  element.fail = fail;
  return element;
}
