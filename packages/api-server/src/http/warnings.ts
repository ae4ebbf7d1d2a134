import type { HeaderValues } from './exchange.ts';

/** All warnings of an answer together are cut to this. */
const MAX_TOTAL_BYTES = 4 * 1024;
/** One warning is cut to this if there are too many. */
const MAX_EACH_BYTES = 256;

/** Adds `Warning: 299 - "text"` headers, each text once. */
export function addWarnings(headers: HeaderValues, texts: readonly string[]): void {
  const unique = [...new Set(texts)];
  const total = unique.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const cut = total > MAX_TOTAL_BYTES ? unique.map((text) => text.slice(0, MAX_EACH_BYTES)) : unique;
  let left = MAX_TOTAL_BYTES;
  const values: string[] = [];
  for (const text of cut) {
    left -= Buffer.byteLength(text);
    if (left < 0) break;
    values.push(`299 - ${quoted(text)}`);
  }
  headers['Warning'] = values;
}

/** A quoted-string of HTTP; what is not printable ASCII is percent-encoded. */
function quoted(text: string): string {
  const plain = text.replaceAll(/[^ -~]+/gu, (part) => encodeURIComponent(part.toWellFormed()));
  return `"${plain.replaceAll(/[\\"]/g, (character) => `\\${character}`)}"`;
}
