import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What V8 writes as a CPU profile: a tree of calls, and which of its nodes was running at each sample. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  /** Microseconds from each sample to the one before. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly children?: readonly number[];
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

export interface FunctionTime {
  /** Of a function, with the place of its code, or of a module. */
  readonly name: string;
  readonly ms: number;
  /** Of all time that was not idle, 0 to 1. */
  readonly share: number;
}

/** A CPU profiler at work in another Node process, reached through its inspector (`node --inspect`). */
export class RemoteProfiler implements AsyncDisposable {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, PromiseWithResolvers<Record<string, unknown>>>();
  #calls = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#receive(String(data)));
    socket.addEventListener('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('The inspector closed its connection'));
    });
  }

  /** `url` is the `ws://` address that a process prints when its inspector starts. */
  static async connect(url: string): Promise<RemoteProfiler> {
    const socket = new WebSocket(url);
    await once(socket, 'open');
    const profiler = new RemoteProfiler(socket);
    await profiler.#call('Profiler.enable');
    await profiler.#call('Profiler.setSamplingInterval', { interval: 500 });
    return profiler;
  }

  async start(): Promise<void> {
    await this.#call('Profiler.start');
  }

  async stop(): Promise<CpuProfile> {
    const { profile } = await this.#call('Profiler.stop');
    return profile as CpuProfile;
  }

  /** Lets go of everything that nothing holds any more: before memory is measured. */
  async collectGarbage(): Promise<void> {
    await this.#call('HeapProfiler.collectGarbage');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }

  async #call(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#calls;
    const answer = Promise.withResolvers<Record<string, unknown>>();
    this.#waiting.set(id, answer);
    this.#socket.send(JSON.stringify({ id, method, params }));
    return answer.promise;
  }

  #receive(text: string): void {
    const message = JSON.parse(text) as { id?: number; result?: Record<string, unknown>; error?: { message: string } };
    const answer = message.id === undefined ? undefined : this.#waiting.get(message.id);
    if (message.id === undefined || answer === undefined) return;
    this.#waiting.delete(message.id);
    if (message.error) answer.reject(new Error(message.error.message));
    else answer.resolve(message.result ?? {});
  }
}

/** Where a process spent its time by itself, function by function, longest first. Idle time is left out. */
export function topFunctions(profile: CpuProfile, count: number): FunctionTime[] {
  const names = new Map(profile.nodes.map((node) => [node.id, describe(node)]));
  return top(profile, count, (id) => [names.get(id) ?? '']);
}

/** Where it spent its time with all that was called, module by module. Code of Node itself counts for whoever called it. */
export function topModules(profile: CpuProfile, count: number): FunctionTime[] {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const modulesOf = (id: number): Set<string> => {
    const modules = new Set<string>();
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const url = nodes.get(at)?.callFrame.url ?? '';
      if (url.startsWith('file:')) modules.add(shorten(url));
    }
    return modules;
  };
  const known = new Map(profile.nodes.map(({ id }) => [id, modulesOf(id)]));
  return top(profile, count, (id) => known.get(id) ?? []);
}

/** Adds each sample's time up under all the names that `namesOf` gives its node. */
function top(profile: CpuProfile, count: number, namesOf: (id: number) => Iterable<string>): FunctionTime[] {
  const idle = new Set(profile.nodes.filter(({ callFrame }) => callFrame.functionName === '(idle)').map(({ id }) => id));
  const micros = new Map<string, number>();
  let total = 0;
  for (const [at, id] of profile.samples.entries()) {
    if (idle.has(id)) continue;
    const spent = profile.timeDeltas[at] ?? 0;
    total += spent;
    for (const name of namesOf(id)) micros.set(name, (micros.get(name) ?? 0) + spent);
  }
  return [...micros]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([name, spent]) => ({ name, ms: spent / 1000, share: spent / total }));
}

function describe({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  return url === '' ? name : `${name} ${shorten(url)}:${lineNumber + 1}`;
}

/** The part of a script's address that says which module it is. */
function shorten(url: string): string {
  if (!url.startsWith('file:')) return url;
  const path = fileURLToPath(url);
  const [, module] = /\/((?:packages|apps|node_modules|tools)\/.*)$/.exec(path) ?? [];
  return module ?? path;
}
