import type { KubernetesObject } from '@keelson/api';
import type { WatchEvent } from '@keelson/client';
import type { StoredObject } from './stored-object.ts';

export type NoteType = 'ADDED' | 'MODIFIED' | 'DELETED';

/**
 * Hot path: what a watcher is told. One note is shared by all watchers of a resource; its frame is encoded once, by whoever first needs
 * it, and dropped when everyone has been told.
 */
export class WatchNote {
  readonly type: NoteType;
  readonly item: StoredObject;
  #frame: Buffer | undefined;
  #event: WatchEvent | undefined;
  #other: Map<string, unknown> | undefined;

  constructor(type: NoteType, item: StoredObject) {
    this.type = type;
    this.item = item;
  }

  get revision(): number {
    return this.item.revision;
  }

  /** `{"type":"ADDED","object":{...}}\n` */
  frame(): Buffer {
    if (this.#frame) return this.#frame;
    const head = FRAME_HEADS[this.type];
    const frame = Buffer.allocUnsafe(head.length + this.item.wholeLength + FRAME_END.length);
    head.copy(frame);
    const end = this.item.writeWhole(frame, head.length);
    FRAME_END.copy(frame, end);
    this.#frame = frame;
    return frame;
  }

  /** For watchers in this process. */
  event(): WatchEvent<KubernetesObject> {
    return (this.#event ??= Object.freeze({ type: this.type, object: this.item.object() }));
  }

  /** Another form of the note (another version, a table row), made once. */
  form<T>(name: string, make: (note: WatchNote) => T): T {
    this.#other ??= new Map();
    if (!this.#other.has(name)) this.#other.set(name, make(this));
    // Each name stands for one form.
    return this.#other.get(name) as T;
  }

  /** Forgets what was only made to be sent. */
  release(): void {
    this.#frame = undefined;
    this.#event = undefined;
    this.#other = undefined;
  }
}

/** A change of one object, with the notes that it can become for different selectors. */
export class CacheEvent {
  readonly plain: WatchNote;
  readonly previous: StoredObject | undefined;
  #entered: WatchNote | undefined;
  #left: WatchNote | undefined;

  constructor(type: NoteType, item: StoredObject, previous: StoredObject | undefined) {
    this.plain = new WatchNote(type, item);
    this.previous = previous;
  }

  get revision(): number {
    return this.plain.item.revision;
  }

  /** How large its object is. */
  get bytes(): number {
    return this.plain.item.value.length;
  }

  /** For a watcher whose selector matches the object since this change. */
  get entered(): WatchNote {
    return (this.#entered ??= new WatchNote('ADDED', this.plain.item));
  }

  /** For a watcher whose selector matched until this change: the last content that did, at the revision of the change. */
  get left(): WatchNote {
    return (this.#left ??= new WatchNote('DELETED', (this.previous ?? this.plain.item).at(this.revision)));
  }

  release(): void {
    this.plain.release();
    this.#entered?.release();
    this.#left?.release();
  }
}

const FRAME_HEADS: Readonly<Record<NoteType, Buffer>> = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
};
const FRAME_END = Buffer.from('}\n');
