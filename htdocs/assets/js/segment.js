/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * segment.js - how many SMS parts a text takes (GSM 03.38 and UCS-2). The same rules as
 * mod_twchat/twilio/segment.h; tests/data/segments.tsv holds both to them.
 */
const BASIC = new Set('@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡'
  + 'ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà');
const EXTENSION = new Set('\f^{}\\[~]|€');

/** Parts of `size` units in which no character is split; widths: units of each character. */
function pack(widths, size) {
  let parts = 1;
  let used = 0;
  for (const width of widths) {
    if (used + width > size) {
      parts++;
      used = 0;
    }
    used += width;
  }
  return parts;
}

/** {encoding: 'GSM-7'|'UCS-2', units, segments, perSegment, left}; left: units until one more part. */
export function countSegments(text) {
  const chars = Array.from(text);
  const gsm = chars.every(c => BASIC.has(c) || EXTENSION.has(c));
  const widths = chars.map(c => (gsm ? (EXTENSION.has(c) ? 2 : 1) : c.length));
  const units = widths.reduce((sum, w) => sum + w, 0);
  const [single, multi] = gsm ? [160, 153] : [70, 67];
  const one = units <= single;
  const perSegment = one ? single : multi;
  const segments = one ? 1 : pack(widths, multi);
  return { encoding: gsm ? 'GSM-7' : 'UCS-2', units, segments, perSegment, left: Math.max(0, segments * perSegment - units) };
}

/** The characters that make the text UCS-2, each once, at most five: what to take out to need fewer parts. */
export function costlyCharacters(text) {
  const found = new Set();
  for (const c of text) if (!BASIC.has(c) && !EXTENSION.has(c)) found.add(c);
  return [...found].slice(0, 5);
}
