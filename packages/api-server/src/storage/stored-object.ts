import { deepFreeze, type KubernetesObject, parseJson, stringifyJson } from '@keelson/api';
import { setOfText } from '@keelson/api/structured-merge';
import { entriesText, readEntries } from './managed-fields-text.ts';
import type { StorageKind } from './storage-kind.ts';

/** What is shared by all objects of one resource. */
export interface ObjectShape {
  readonly kind: StorageKind;
  readonly namespaced: boolean;
  /** Values of the selectable fields. */
  readonly fields: (object: KubernetesObject) => Readonly<Record<string, string>>;
  /** Keeps a parsed object from being collected for a while. */
  readonly remember: (object: KubernetesObject, bytes: number) => void;
}

/**
 * Hot path: an object as it is stored, ready to be sent. It holds the bytes; the parsed form is made when it is asked for, shared by
 * everyone, and let go of when nobody has it any more, so that ten thousand objects cost little more than their bytes.
 */
export class StoredObject {
  readonly shape: ObjectShape;
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  /** Begins with `shape.kind.head`; has no resourceVersion. */
  readonly value: Buffer;
  #revision: number;
  #parsed: WeakRef<KubernetesObject> | undefined;
  #labels: Readonly<Record<string, string>> | undefined;
  #fields: Readonly<Record<string, string>> | undefined;

  constructor(shape: ObjectShape, key: string, value: Buffer, revision: number) {
    this.shape = shape;
    this.key = key;
    this.value = value;
    this.#revision = revision;
    const slash = key.lastIndexOf('/');
    this.name = key.slice(slash + 1);
    this.namespace = shape.namespaced ? key.slice(key.lastIndexOf('/', slash - 1) + 1, slash) : '';
  }

  /** An object that is about to be written; `object` belongs to it from now on. It gets its revision by `commit`. */
  static draft(shape: ObjectShape, key: string, object: KubernetesObject): StoredObject {
    const draft = new StoredObject(shape, key, encode(shape.kind, object), 0);
    draft.#parsed = new WeakRef(object);
    shape.remember(object, draft.value.length);
    return draft;
  }

  get revision(): number {
    return this.#revision;
  }

  get resourceVersion(): string {
    return String(this.#revision);
  }

  get isDraft(): boolean {
    return this.#revision === 0;
  }

  commit(revision: number): void {
    if (this.#revision !== 0) return;
    this.#revision = revision;
    const parsed = this.#parsed?.deref();
    if (!parsed?.metadata) return;
    parsed.metadata.resourceVersion = String(revision);
    this.#labels = parsed.metadata.labels ?? NO_LABELS;
  }

  /** The same content at another revision: how a deletion is told. */
  at(revision: number): StoredObject {
    return new StoredObject(this.shape, this.key, this.value, revision);
  }

  /** Frozen and shared. */
  object(): KubernetesObject {
    const known = this.#parsed?.deref();
    if (known) return deepFreeze(known);
    const parsed = this.copy();
    this.#parsed = new WeakRef(parsed);
    this.shape.remember(parsed, this.value.length);
    return deepFreeze(parsed);
  }

  /**
   * The parsed object for whoever reads it at once and lets go of it: for lists, which are longer than what can be kept parsed. Not to be
   * changed.
   */
  glance(): Readonly<KubernetesObject> {
    return this.#parsed?.deref() ?? this.copy();
  }

  /** A parsed object of one's own. */
  copy(): KubernetesObject {
    const parsed = decode(this.shape.kind, this.value);
    if (parsed.metadata) parsed.metadata.resourceVersion = this.resourceVersion;
    return parsed;
  }

  get labels(): Readonly<Record<string, string>> {
    return (this.#labels ??= this.object().metadata?.labels ?? NO_LABELS);
  }

  get fields(): Readonly<Record<string, string>> {
    return (this.#fields ??= this.shape.fields(this.object()));
  }

  /** The bytes behind `{"metadata":{"resourceVersion":"N",` */
  get tail(): Buffer {
    return this.value.subarray(this.shape.kind.head.length);
  }

  /** How many bytes `writeItem` writes. */
  get itemLength(): number {
    return ITEM_HEAD.length + digits(this.#revision) + SPLICE_END.length + this.value.length - this.shape.kind.head.length;
  }

  /** Writes the object without kind and apiVersion, as items of lists are, and gives the offset behind it. */
  writeItem(target: Buffer, offset: number): number {
    let at = offset + ITEM_HEAD.copy(target, offset);
    at += target.write(this.resourceVersion, at, 'latin1');
    at += SPLICE_END.copy(target, at);
    return at + this.value.copy(target, at, this.shape.kind.head.length);
  }

  get wholeLength(): number {
    return VERSION_KEY.length + digits(this.#revision) + SPLICE_END.length + this.value.length;
  }

  /** Writes the whole object, and gives the offset behind it. */
  writeWhole(target: Buffer, offset: number): number {
    const { head } = this.shape.kind;
    let at = offset + head.copy(target, offset);
    at += VERSION_KEY.copy(target, at);
    at += target.write(this.resourceVersion, at, 'latin1');
    at += SPLICE_END.copy(target, at);
    return at + this.value.copy(target, at, head.length);
  }

  /** The whole object in a buffer of its own. */
  bytes(): Buffer {
    const bytes = Buffer.allocUnsafe(this.wholeLength);
    this.writeWhole(bytes, 0);
    return bytes;
  }
}

const NO_LABELS: Readonly<Record<string, string>> = Object.freeze({});
const VERSION_KEY = Buffer.from('"resourceVersion":"');
const ITEM_HEAD = Buffer.from('{"metadata":{"resourceVersion":"');
const SPLICE_END = Buffer.from('",');

function digits(revision: number): number {
  return String(revision).length;
}

const OWNERS = '"managedFields":';

/** The bytes to store: kind, apiVersion, metadata without resourceVersion, then the rest. Who owns what is the first of the metadata. */
export function encode(kind: StorageKind, object: KubernetesObject): Buffer {
  const { kind: _kind, apiVersion: _apiVersion, metadata, ...rest } = object;
  const stored = {
    kind: kind.kind,
    apiVersion: kind.apiVersion,
    metadata: { ...metadata, resourceVersion: undefined, managedFields: undefined },
    ...rest,
  };
  const text = stringifyJson(stored);
  const managedFields = metadata?.managedFields ?? [];
  if (managedFields.length === 0) return bytesOf(text);
  const at = kind.head.length;
  const owners = `${OWNERS}${entriesText(managedFields)}${text[at] === '}' ? '' : ','}`;
  // Piece by piece: putting the texts together first would copy them once more.
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text) + Buffer.byteLength(owners));
  const head = bytes.write(text.slice(0, at));
  bytes.write(text.slice(at), head + bytes.write(owners, head));
  return bytes;
}

/** The way back. What others may have stored elsewhere in the object is read from there. */
function decode(kind: StorageKind, value: Buffer): KubernetesObject {
  const text = value.toString();
  const at = kind.head.length;
  const read = text.startsWith(OWNERS, at) ? readEntries(text, at + OWNERS.length, setOfText) : undefined;
  // Written by `encode`.
  if (!read) return parseJson(text) as KubernetesObject;
  const after = text[read.end] === ',' ? read.end + 1 : read.end;
  const parsed = parseJson(text.slice(0, at) + text.slice(after)) as KubernetesObject;
  if (parsed.metadata) parsed.metadata.managedFields = read.entries;
  return parsed;
}

/** In memory of their own: in a pool that is shared, one object that stays would keep everything that was written around it. */
function bytesOf(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}
