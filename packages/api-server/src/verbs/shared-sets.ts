import { knownSet } from '@keelson/api/structured-merge';
import { readEntries } from '../storage/managed-fields-text.ts';
import type { RawBody } from './body.ts';

const KEY = '"managedFields":[';
/** Stands for the entries while the rest is parsed. Nobody can know it. */
const MARK = crypto.randomUUID();

/**
 * Hot path: clients send `metadata.managedFields` back as they have read them. What is the same, letter by letter, is not parsed; everything
 * else is left to `parse`.
 */
export function parseSharing(text: string, parse: (text: string) => RawBody): RawBody {
  const at = text.indexOf(KEY);
  if (at < 0) return parse(text);
  const from = at + KEY.length - 1;
  const read = readEntries(text, from, knownSet);
  if (!read) return parse(text);
  const body = parse(`${text.slice(0, from)}"${MARK}"${text.slice(read.end)}`);
  const { metadata } = (body.value ?? {}) as { metadata?: { managedFields?: unknown } };
  // Those of a template, say.
  if (metadata?.managedFields !== MARK) return parse(text);
  metadata.managedFields = read.entries;
  return body;
}
