import { isReason } from '@keelson/base';
import type { Key, Revision, Store } from '../../store.ts';
import { checkLinearizable, type Operation, type Verdict } from './check.ts';
import {
  listModelOf,
  registerModel,
  type ListInput,
  type ListOutput,
  type RegisterInput,
  type RegisterOutput,
} from './models.ts';

/** Long enough to show something, short enough to be checked. */
const OPERATIONS_A_KEY = 150;
/** Each operation of which nobody knows the outcome multiplies the work of the check, and all that are under way may become such. */
const UNKNOWN_A_KEY = 4;
const UNDERWAY_A_KEY = 4;

export interface WorkloadOptions {
  /** One or more stores over the same data; clients are spread over them. */
  readonly stores: readonly Store[];
  /** How many clients work at the same time. */
  readonly clients: number;
  /** How many keys they share at any time: half of them registers, half of them lists. */
  readonly keys: number;
  /** Under which their keys are. */
  readonly prefix: Key;
  /** Asked by each client before each operation. */
  readonly goOn: () => boolean;
  /** From 0 to, but without, 1. */
  readonly random?: () => number;
}

export interface WorkloadResult {
  readonly operations: number;
  /** Those whose outcome nobody knows. */
  readonly unknown: number;
  /** What was not explained, and what was not decided. */
  readonly problems: readonly { readonly key: Key; readonly verdict: Verdict<unknown, unknown> }[];
}

/** What was done with one key. */
class History<Input, Output> {
  readonly key: Key;
  readonly operations: Operation<Input, Output>[] = [];
  unknown = 0;
  #underway = 0;

  constructor(key: Key) {
    this.key = key;
  }

  get isFull(): boolean {
    const count = this.operations.length + this.#underway;
    return count >= OPERATIONS_A_KEY || this.unknown >= UNKNOWN_A_KEY || this.#underway >= UNDERWAY_A_KEY;
  }

  /** `run` gives `undefined` if the outcome is not known; what throws has had no effect. */
  async record(time: () => number, input: Input, run: () => Promise<Output | undefined>): Promise<void> {
    const startedAt = time();
    this.#underway += 1;
    try {
      const output = await run();
      if (output === undefined) this.unknown += 1;
      this.operations.push({ input, output, startedAt, endedAt: time() });
    } catch (error) {
      if (!isReason(error, 'ServiceUnavailable', 'Timeout')) throw error;
    } finally {
      this.#underway -= 1;
    }
  }
}

type Register = History<RegisterInput, RegisterOutput>;
type List = History<ListInput, ListOutput>;

/** Lets clients work on a few keys of a store at the same time, and checks afterwards whether the answers are those of a linearizable store. */
export class Workload {
  readonly #options: Required<WorkloadOptions>;
  readonly #registers: Register[][];
  readonly #lists: List[][];
  #time = 0;
  #written = 0;

  constructor(options: WorkloadOptions) {
    this.#options = { random: Math.random, ...options };
    const slots = Array.from({ length: Math.max(1, Math.floor(options.keys / 2)) });
    this.#registers = slots.map(() => []);
    this.#lists = slots.map(() => []);
  }

  /** Resolves when the clients have been told to end, and all has been checked. */
  async run(): Promise<WorkloadResult> {
    const { clients, stores } = this.#options;
    await Promise.all(Array.from({ length: clients }, (_, client) => this.#client(stores[client % stores.length])));
    await this.#readAll(stores[0]);
    const registers = this.#registers.flat();
    const lists = this.#lists.flat();
    const problems = [
      ...registers.map(({ key, operations }) => ({ key, verdict: checkLinearizable(operations, registerModel) })),
      ...lists.map(({ key, operations }) => ({ key, verdict: checkLinearizable(operations, listModelOf(operations)) })),
    ].filter(({ verdict }) => verdict.kind !== 'linearizable');
    const histories = [...registers, ...lists];
    return {
      operations: histories.reduce((sum, { operations }) => sum + operations.length, 0),
      unknown: histories.reduce((sum, { unknown }) => sum + unknown, 0),
      problems,
    };
  }

  async #client(store: Store | undefined): Promise<void> {
    if (!store) return;
    let seen: Revision = 0;
    const { goOn, random } = this.#options;
    while (goOn()) {
      if (random() < 0.5) {
        await this.#useList(store, this.#pick('list', this.#lists));
        continue;
      }
      const register = this.#pick('register', this.#registers);
      const chance = random();
      if (chance < 0.35) seen = (await this.#read(store, register)) ?? seen;
      else if (chance < 0.5) await this.#write(store, register, { type: 'write', text: this.#text() });
      else if (chance < 0.6) await this.#write(store, register, { type: 'delete' });
      else {
        const expected = random() < 0.8 ? ((await this.#read(store, register)) ?? 0) : seen;
        await this.#write(store, register, { type: 'swap', expected, text: this.#text() });
      }
    }
  }

  /** The end of it: nothing that was acknowledged may be lost. */
  async #readAll(store: Store | undefined): Promise<void> {
    if (!store) return;
    for (const register of this.#registers.flat()) await this.#read(store, register);
    for (const list of this.#lists.flat()) await this.#readList(store, list);
  }

  #pick<Input, Output>(kind: string, slots: readonly History<Input, Output>[][]): History<Input, Output> {
    const slot = Math.floor(this.#options.random() * slots.length);
    const histories = slots[slot] ?? [];
    const newest = histories.at(-1);
    if (newest && !newest.isFull) return newest;
    const made = new History<Input, Output>(`${this.#options.prefix}${kind}/${slot}/${histories.length}`);
    histories.push(made);
    return made;
  }

  #text(): string {
    return `${this.#written++}`;
  }

  readonly #now = (): number => (this.#time += 1);

  async #read(store: Store, register: Register): Promise<Revision | undefined> {
    let revision: Revision | undefined;
    await register.record(this.#now, { type: 'read' }, async () => {
      const entry = await store.get(register.key);
      revision = entry?.revision ?? 0;
      return entry ? { type: 'value', text: textOf(entry.value), revision: entry.revision } : { type: 'absent' };
    });
    return revision;
  }

  async #write(store: Store, register: Register, input: Exclude<RegisterInput, { type: 'read' }>): Promise<void> {
    const { key } = register;
    await register.record(this.#now, input, async () => {
      const write =
        input.type === 'delete'
          ? ({ type: 'delete', key } as const)
          : ({ type: 'put', key, value: bytesOf(input.text) } as const);
      const guards = input.type === 'swap' ? [{ key, revision: input.expected }] : [];
      return outcomeOf(store.commit([write], guards).then((revision) => ({ type: 'written', revision })));
    });
  }

  async #useList(store: Store, list: List): Promise<void> {
    if (this.#options.random() < 0.4) return this.#readList(store, list);
    const item = this.#text();
    const { key } = list;
    await list.record(this.#now, { type: 'append', item }, async () => {
      for (;;) {
        const entry = await store.get(key);
        const text = entry ? `${textOf(entry.value)},${item}` : item;
        const guards = [{ key, revision: entry?.revision ?? 0 }];
        const outcome = await outcomeOf(
          store.commit([{ type: 'put', key, value: bytesOf(text) }], guards).then(() => 'done' as const),
        );
        if (outcome === undefined) return undefined;
        if (outcome === 'done') return true;
      }
    });
  }

  async #readList(store: Store, list: List): Promise<void> {
    await list.record(this.#now, { type: 'read' }, async () => {
      const entry = await store.get(list.key);
      return entry ? textOf(entry.value).split(',') : [];
    });
  }
}

/** A commit that has rejected with `Timeout` may have been made. */
async function outcomeOf<T>(commit: Promise<T>): Promise<T | { readonly type: 'conflict' } | undefined> {
  try {
    return await commit;
  } catch (error) {
    if (isReason(error, 'Conflict')) return { type: 'conflict' };
    if (isReason(error, 'Timeout')) return undefined;
    throw error;
  }
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
