import { type KubernetesObject, parseJson } from '@keelson/api';
import type { Entry } from '@keelson/store';
import type { Eventually, ObjectCodec } from './object-codec.ts';
import type { PendingWrites } from './pending-writes.ts';
import { encode, StoredObject, type ObjectShape } from './stored-object.ts';

/** Hot path: makes objects of what the store holds. */
export class EntryReader {
  readonly #shape: ObjectShape;
  readonly #pending: PendingWrites;
  readonly #codec: ObjectCodec | undefined;

  constructor(shape: ObjectShape, pending: PendingWrites, codec: ObjectCodec | undefined) {
    this.#shape = shape;
    this.#pending = pending;
    this.#codec = codec;
  }

  /** In the same order. At once unless a codec has to ask somebody. */
  read(entries: readonly Entry[]): Eventually<readonly StoredObject[]> {
    if (this.#codec) return this.#decode(entries, this.#codec);
    const items: StoredObject[] = [];
    for (const entry of entries) items.push(this.adopt(entry));
    return items;
  }

  /** Takes the writer's object if this process has written the entry; only for storages without a codec. */
  adopt(entry: Entry): StoredObject {
    return this.#drafted(entry) ?? new StoredObject(this.#shape, entry.key, this.#normal(asBuffer(entry.value)), entry.revision);
  }

  #drafted(entry: Entry): StoredObject | undefined {
    const draft = this.#pending.take(entry, this.#shape);
    draft?.commit(entry.revision);
    return draft;
  }

  #decode(entries: readonly Entry[], codec: ObjectCodec): Eventually<readonly StoredObject[]> {
    const items = entries.map((entry) => this.#drafted(entry));
    const others = entries.filter((_entry, at) => items[at] === undefined);
    if (others.length === 0) return items.filter((item) => item !== undefined);
    const objects = codec.read(others.map(({ value }) => objectOf(value)));
    const merge = (read: readonly KubernetesObject[]): StoredObject[] => {
      let at = 0;
      const next = (entry: Entry): StoredObject => this.#made(entry, read[at++]);
      return entries.map((entry, place) => items[place] ?? next(entry));
    };
    return objects instanceof Promise ? objects.then(merge) : merge(objects);
  }

  /** Shares the store's bytes if they say the same. */
  #made(entry: Entry, object: KubernetesObject | undefined): StoredObject {
    const stored = asBuffer(entry.value);
    const bytes = object ? encode(this.#shape.kind, object) : stored;
    return new StoredObject(this.#shape, entry.key, bytes.equals(stored) ? stored : bytes, entry.revision);
  }

  /** Bytes that somebody else wrote in another form are brought into ours. */
  #normal(value: Buffer): Buffer {
    const { kind } = this.#shape;
    if (value.length > kind.head.length && kind.head.compare(value, 0, kind.head.length) === 0) return value;
    return encode(kind, objectOf(value));
  }
}

function objectOf(value: Uint8Array): KubernetesObject {
  // Only objects are stored.
  return parseJson(asBuffer(value).toString()) as KubernetesObject;
}

/** The same bytes as a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
