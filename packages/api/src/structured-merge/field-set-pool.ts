import { deepFreeze } from '../objects.ts';
import { sortedSet, type FieldSet } from './field-set.ts';

/**
 * Hot path: sets by their text. Objects out of one template are owned in the same way, so that few sets are in use however many objects
 * there are: each is parsed, sorted and written once, and is one object in memory. What has not been asked for lately is forgotten.
 */
interface Pooled {
  readonly fields: FieldSet;
  /** Sorted, without spaces: as it is stored. */
  readonly text: string;
}

/** How much text of sets is kept at most, twice: by those in use, and by those that were in use before them. */
const MAX_LENGTH = 512 * 1024;

let recent = new Map<string, Pooled>();
let before = new Map<string, Pooled>();
let length = 0;

const texts = new WeakMap<FieldSet, string>();

/** Those that were found last, without order. */
const hot: Pooled[] = [];
const MAX_HOT = 16;
let nextHot = 0;

/**
 * The set that is written in a text from this place on, if it is one of those that were in use last. Nothing has to be cut out or looked
 * up for that: the text of no set is the beginning of that of another.
 */
export function hotSetAt(text: string, from: number): { readonly fields: FieldSet; readonly end: number } | undefined {
  for (const pooled of hot) {
    if (text.startsWith(pooled.text, from)) return { fields: pooled.fields, end: from + pooled.text.length };
  }
  return undefined;
}

function heat(pooled: Pooled): Pooled {
  if (hot.includes(pooled)) return pooled;
  hot[nextHot] = pooled;
  nextHot = (nextHot + 1) % MAX_HOT;
  return pooled;
}

function find(text: string): Pooled | undefined {
  const known = recent.get(text);
  if (known) return heat(known);
  const older = before.get(text);
  if (older) keep(text === older.text ? older.text : flat(text), heat(older));
  return older;
}

function keep(text: string, pooled: Pooled): void {
  if (length + text.length > MAX_LENGTH) {
    before = recent;
    recent = new Map();
    length = 0;
  }
  recent.set(text, pooled);
  length += text.length;
}

/** The set of this text, if it is in use. For texts that nobody has checked. */
export function knownSet(text: string): FieldSet | undefined {
  return find(text)?.fields;
}

/** The set of a text that this engine wrote, in whatever order. */
export function setOfText(text: string): FieldSet {
  const known = find(text);
  if (known) return known.fields;
  const made = pooledOf(JSON.parse(text) as FieldSet);
  if (made.text !== text) keep(flat(text), made);
  return made.fields;
}

/** A text of its own: one that is a part of another would keep that alive. */
function flat(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string;
}

function pooledOf(set: FieldSet): Pooled {
  const sorted = sortedSet(set);
  const text = JSON.stringify(sorted);
  const known = find(text);
  if (known) return known;
  const made: Pooled = { fields: deepFreeze(sorted), text };
  texts.set(made.fields, text);
  keep(text, made);
  return made;
}

/** The same set, sorted and frozen, as it is in use. */
export function pooledSet(set: FieldSet): FieldSet {
  return texts.has(set) ? set : setOfText(JSON.stringify(set));
}

/** The text of a set, without spaces; sorted, if the set is. */
export function textOfSet(set: FieldSet): string {
  return texts.get(set) ?? JSON.stringify(set);
}

/** True for sets that are in use: they are frozen, and can be shared. */
export function isPooledSet(value: object): boolean {
  return texts.has(value as FieldSet);
}
