/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * i18n.js - English, Polish, Spanish. Dictionaries are flat; a value is a text with {names}
 * or an object of plural forms chosen by {n}. English stands in where a dictionary cannot be had.
 * The server's own sentences are English; lang/said-*.js has them in the other languages.
 */
import en from './lang/en.js';

const KEY = 'twchat.lang';
export const LANGUAGES = { en: 'English', es: 'Español', pl: 'Polski' };

let current = pick();
let words = en;
let sentences = {};
if (current !== 'en') await load(current);
const plural = new Intl.PluralRules(current);
document.documentElement.lang = current;

function pick() {
  let kept = null;
  try { kept = localStorage.getItem(KEY); } catch { /* private window */ }
  const wanted = [kept, ...(navigator.languages || [])].filter(Boolean).map(code => code.slice(0, 2).toLowerCase());
  return wanted.find(code => code in LANGUAGES) || 'en';
}

async function load(code) {
  try {
    const [own, said] = await Promise.all([import(`./lang/${code}.js`), import(`./lang/said-${code}.js`)]);
    words = { ...en, ...own.default };
    sentences = said.default;
  } catch {
    current = 'en';
  }
}

/** The language in use: "en", "es" or "pl". */
export const lang = () => current;

/** Keep the choice and show the page in it. */
export function setLang(code) {
  try { localStorage.setItem(KEY, code); } catch { /* private window: nothing to keep */ }
  location.reload();
}

/** The text of a key with {names} filled in; {n} also chooses the plural form. */
export function t(key, values = {}) {
  let text = words[key];
  if (text === undefined) return key;
  if (typeof text === 'object') text = text[plural.select(values.n)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? shown(values[name]) : whole));
}

const shown = value => (typeof value === 'number' ? new Intl.NumberFormat(current).format(value) : String(value));

/** A sentence of the server in the language in use; as it came where we do not know it. */
export const said = sentence => sentences[sentence] ?? sentence;

/** Is there a text for this key? */
export const known = key => key in words;
