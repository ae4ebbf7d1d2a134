import type { Duplex, Readable } from 'node:stream';
import { KeelsonError } from '@keelson/base';
import { parseTime } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import type { ContainerRuntime, ContainerStatus, ExecResult, LogOptions, StreamSession } from '@keelson/runtime';
import { allContainers } from '../pod/pod-facts.ts';
import { attemptsOf, readySandbox, type PodView } from '../pod/runtime-view.ts';
import type { NodeReports } from '../stats/node-reports.ts';
import type { Pleg } from '../worker/pleg.ts';
import { limitBytes } from './limit-bytes.ts';

export interface ContainerName {
  readonly namespace: string;
  readonly pod: string;
  /** Checked if given: another pod of the same name is not meant. */
  readonly uid?: string;
  readonly container: string;
}

export interface LogQuery {
  readonly follow?: boolean;
  readonly previous?: boolean;
  readonly timestamps?: boolean;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  /** RFC 3339. */
  readonly sinceTime?: string;
  readonly limitBytes?: number;
  readonly stream?: 'stdout' | 'stderr' | 'both';
}

export interface NodeApiDependencies {
  readonly runtime: ContainerRuntime;
  readonly pleg: Pleg;
  readonly nowMs: () => number;
  readonly nodeName: string;
  readonly reports: NodeReports;
  /** All pods that the kubelet takes care of, with their newest status. */
  readonly pods: () => readonly Pod[];
}

/** What the kubelet's HTTPS API does, as plain functions: an API server in the same process may call them without a socket. */
export class NodeApi {
  readonly #deps: NodeApiDependencies;

  constructor(deps: NodeApiDependencies) {
    this.#deps = deps;
  }

  /** What the node and its pods use. */
  get stats(): NodeReports {
    return this.#deps.reports;
  }

  pods(): readonly Pod[] {
    return this.#deps.pods();
  }

  /** Those that have a running container. */
  runningPods(): readonly Pod[] {
    return this.pods().filter((pod) => this.#viewOf(pod)?.containers.some(({ state }) => state === 'running'));
  }

  get nodeName(): string {
    return this.#deps.nodeName;
  }

  /** How many containers the runtime has in each state. */
  containerStates(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { containers } of this.#deps.pleg.views)
      for (const { state } of containers) counts.set(state, (counts.get(state) ?? 0) + 1);
    return counts;
  }

  /** The log of a container. `BadRequest` if it has not begun, or has no earlier instance; `NotFound` for names that do not exist. */
  async logs(name: ContainerName, query: LogQuery = {}, signal?: AbortSignal): Promise<Readable> {
    const container = this.#logSource(name, query.previous ?? false);
    const sinceMs =
      query.sinceSeconds === undefined ? parseTime(query.sinceTime) : this.#deps.nowMs() - query.sinceSeconds * 1000;
    const options: LogOptions = {
      follow: query.follow ?? false,
      timestamps: query.timestamps ?? false,
      ...(query.tailLines !== undefined && { tailLines: query.tailLines }),
      ...(sinceMs !== undefined && { sinceMs }),
      ...(query.stream !== undefined && { stream: query.stream }),
    };
    const log = await this.#deps.runtime.logs(container.id, options, signal);
    return query.limitBytes === undefined ? log : limitBytes(log, query.limitBytes);
  }

  async exec(name: ContainerName, command: readonly string[], options: { stdin: boolean; tty: boolean }): Promise<StreamSession> {
    return this.#deps.runtime.exec(this.#running(name).id, command, options);
  }

  /** The end of an attach says nothing about the container: its exit code is 0, as of any that was not broken off. */
  async attach(name: ContainerName, options: { stdin: boolean; tty: boolean }): Promise<StreamSession> {
    const session = await this.#deps.runtime.attach(this.#running(name).id, options);
    const exitCode = session.exitCode.then(() => 0);
    exitCode.catch(() => undefined); // Whoever waits for it hears of it.
    const { stdin, stdout, stderr } = session;
    const resize = (columns: number, rows: number) => session.resize(columns, rows);
    return { stdin, stdout, stderr, exitCode, resize, close: () => session.close() };
  }

  /** True if the container was given a terminal: an attach must use it. */
  hasTty(name: ContainerName): boolean {
    const pod = this.#find(name);
    return allContainers(pod.spec ?? { containers: [] }).find((each) => each.name === name.container)?.tty ?? false;
  }

  /** Runs a command to its end, without streams. */
  async run(name: ContainerName, command: readonly string[], timeoutMs = 60_000): Promise<ExecResult> {
    return this.#deps.runtime.execSync(this.#running(name).id, command, timeoutMs);
  }

  async portForward(name: Omit<ContainerName, 'container'>, port: number): Promise<Duplex> {
    const view = this.#viewOf(this.#find({ ...name, container: '' }));
    const sandbox = view && readySandbox(view);
    if (!sandbox) throw new KeelsonError('NotFound', `not found running pod: "${name.pod}_${name.namespace}"`);
    return this.#deps.runtime.portForward(sandbox.id, port);
  }

  #find({ namespace, pod: name, uid, container }: ContainerName): Pod {
    const found = this.pods().find(
      ({ metadata }) =>
        metadata?.name === name && metadata.namespace === namespace && (uid === undefined || metadata.uid === uid),
    );
    if (!found) throw new KeelsonError('NotFound', `pod "${name}" not found`);
    const isKnown = container === '' || allContainers(found.spec ?? { containers: [] }).some((each) => each.name === container);
    if (!isKnown) throw new KeelsonError('NotFound', `container ${container} not found in pod ${name}`);
    return found;
  }

  #viewOf(pod: Pod): PodView | undefined {
    return this.#deps.pleg.view(pod.metadata?.uid ?? '');
  }

  #running(name: ContainerName): ContainerStatus {
    const view = this.#viewOf(this.#find(name));
    const [latest] = view ? attemptsOf(view, name.container) : [];
    if (latest?.state === 'running') return latest;
    throw new KeelsonError('NotFound', `container not found ("${name.container}")`);
  }

  #logSource(name: ContainerName, previous: boolean): ContainerStatus {
    const pod = this.#find(name);
    const view = this.#viewOf(pod);
    const begun = (view ? attemptsOf(view, name.container) : []).filter(({ state }) => state === 'running' || state === 'exited');
    const status = statusesOf(pod).find((each) => each.name === name.container);
    if (previous) {
      // While the next one waits, the newest attempt is the one that ended before.
      const isWaiting = status?.state?.waiting !== undefined;
      const last = begun.slice(isWaiting ? 0 : 1).find(({ state }) => state === 'exited');
      if (last) return last;
      throw new KeelsonError('BadRequest', `previous terminated container "${name.container}" in pod "${name.pod}" not found`);
    }
    const [latest] = begun;
    if (latest) return latest;
    const reason = status?.state?.waiting?.reason ?? 'ContainerCreating';
    throw new KeelsonError('BadRequest', `container "${name.container}" in pod "${name.pod}" ${waitText(reason)}`);
  }
}

function waitText(reason: string): string {
  if (reason === 'ErrImagePull') return "is waiting to start: image can't be pulled";
  if (reason === 'ImagePullBackOff') return 'is waiting to start: trying and failing to pull image';
  return `is waiting to start: ${reason}`;
}

function statusesOf({ status }: Pod) {
  return [
    ...(status?.containerStatuses ?? []),
    ...(status?.initContainerStatuses ?? []),
    ...(status?.ephemeralContainerStatuses ?? []),
  ];
}
