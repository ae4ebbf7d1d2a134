import { TaskGroup, type Logger } from '@keelson/base';
import type { Container, ContainerStatus, Pod, Probe } from '@keelson/api/core/v1';
import type { Alarms } from '../alarms.ts';
import type { ContainerVerdicts } from '../pod/compute-actions.ts';
import { isSidecar } from '../pod/pod-facts.ts';
import { latestOf, readySandbox, type PodView } from '../pod/runtime-view.ts';
import { containerSubject } from '../event-subject.ts';
import type { EventSink } from '../ports.ts';
import type { KubeletMetrics, ProbeMetric } from '../stats/kubelet-metrics.ts';
import { runProbe, type ProbeDependencies, type ProbeOutcome, type ProbeTarget } from './probe-actions.ts';
import { initialState, nextState, type ProbeState, type ProbeType } from './probe-state.ts';

export interface ProbeManagerDependencies extends ProbeDependencies {
  readonly alarms: Alarms;
  readonly events: EventSink;
  readonly logger: Logger;
  readonly metrics: Pick<KubeletMetrics, 'probed' | 'forgetPod'>;
}

interface Worker {
  readonly type: ProbeType;
  readonly probe: Probe;
  readonly pod: Pod;
  readonly target: ProbeTarget;
  state: ProbeState;
}

const TYPES: readonly ProbeType[] = ['startup', 'liveness', 'readiness'];
/** Tries within one tick before a failure counts, so that one lost packet is no failure. */
const ATTEMPTS = 3;

/** Probes the running containers of all pods of a kubelet. */
export class ProbeManager implements ContainerVerdicts {
  readonly #deps: ProbeManagerDependencies;
  readonly #onChange: (podUid: string) => void;
  readonly #tasks: TaskGroup;
  /** By pod, then by `container/type`. */
  readonly #workers = new Map<string, Map<string, Worker>>();
  readonly #byContainer = new Map<string, Map<ProbeType, Worker>>();

  constructor(deps: ProbeManagerDependencies, onChange: (podUid: string) => void) {
    this.#deps = deps;
    this.#onChange = onChange;
    this.#tasks = new TaskGroup(deps.logger);
  }

  /** Takes on containers that have started and lets go of those that have ended. */
  update(pod: Pod, view: PodView, terminating: boolean): void {
    const uid = view.uid;
    for (const container of probed(pod)) {
      const last = latestOf(view, container.name);
      for (const type of TYPES) {
        const probe = container[`${type}Probe`];
        const stays = last?.state === 'running' && (!terminating || type === 'readiness');
        if (!probe || !last || !stays) this.#drop(uid, container.name, type);
        else this.#keep({ type, probe, pod, target: targetOf(pod, view, container, last.id) }, last.startedAtMs);
      }
    }
  }

  forget(podUid: string): void {
    for (const worker of this.#workers.get(podUid)?.values() ?? []) this.#release(podUid, worker);
    this.#workers.delete(podUid);
    this.#deps.metrics.forgetPod(podUid);
  }

  isStarted(containerId: string): boolean {
    const startup = this.#byContainer.get(containerId)?.get('startup');
    return startup === undefined || startup.state.result === 'success';
  }

  isReady(containerId: string): boolean {
    const readiness = this.#byContainer.get(containerId)?.get('readiness');
    return readiness === undefined || readiness.state.result === 'success';
  }

  killReason(container: Container, containerId: string): { message: string; graceSeconds?: number } | undefined {
    for (const type of ['startup', 'liveness'] as const) {
      const worker = this.#byContainer.get(containerId)?.get(type);
      if (worker?.state.result !== 'failure') continue;
      const graceSeconds = worker.probe.terminationGracePeriodSeconds;
      const message = `Container ${container.name} failed ${type} probe`;
      return { message, ...(graceSeconds !== undefined && { graceSeconds }) };
    }
    return undefined;
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
  }

  #keep({ type, probe, pod, target }: Omit<Worker, 'state'>, startedAtMs: number): void {
    const uid = pod.metadata?.uid ?? '';
    const workers = this.#workers.get(uid) ?? new Map<string, Worker>();
    this.#workers.set(uid, workers);
    const key = `${target.container.name}/${type}`;
    const known = workers.get(key);
    if (known?.target.containerId === target.containerId) return;
    if (known) this.#release(uid, known);
    const worker: Worker = { type, probe, pod, target, state: initialState(type, resumed(pod, target, type)) };
    workers.set(key, worker);
    const ofContainer = this.#byContainer.get(target.containerId) ?? new Map<ProbeType, Worker>();
    this.#byContainer.set(target.containerId, ofContainer.set(type, worker));
    const delayMs = startedAtMs + (probe.initialDelaySeconds ?? 0) * 1000 - this.#deps.clock.now();
    // After a restart of the kubelet all containers are taken on at the same moment.
    const apartMs = wasReported(pod, target) ? partOf((probe.periodSeconds ?? 10) * 1000, `${uid}/${key}`) : 0;
    this.#schedule(uid, worker, Math.max(delayMs, apartMs));
  }

  #drop(uid: string, container: string, type: ProbeType): void {
    const workers = this.#workers.get(uid);
    const worker = workers?.get(`${container}/${type}`);
    if (!worker) return;
    workers?.delete(`${container}/${type}`);
    this.#release(uid, worker);
  }

  #release(uid: string, worker: Worker): void {
    this.#deps.alarms.cancel(alarmKey(uid, worker));
    const ofContainer = this.#byContainer.get(worker.target.containerId);
    ofContainer?.delete(worker.type);
    if (ofContainer?.size === 0) this.#byContainer.delete(worker.target.containerId);
  }

  #schedule(uid: string, worker: Worker, delayMs: number): void {
    this.#deps.alarms.set(alarmKey(uid, worker), delayMs, () =>
      this.#tasks.run('probe', (signal) => this.#tick(uid, worker, signal)),
    );
  }

  async #tick(uid: string, worker: Worker, signal: AbortSignal): Promise<void> {
    const isCurrent = () => this.#byContainer.get(worker.target.containerId)?.get(worker.type) === worker;
    const periodMs = (worker.probe.periodSeconds ?? 10) * 1000;
    const atMs = this.#deps.clock.now();
    const mayRun = worker.type === 'startup' || this.isStarted(worker.target.containerId);
    if (mayRun) {
      const outcome = await this.#attempt(worker, signal);
      if (signal.aborted || !isCurrent()) return;
      this.#record(uid, worker, outcome);
    }
    const isOver = worker.state.onHold || (worker.type === 'startup' && worker.state.result === 'success');
    if (!isOver) this.#schedule(uid, worker, atMs + periodMs - this.#deps.clock.now());
  }

  async #attempt(worker: Worker, signal: AbortSignal): Promise<ProbeOutcome> {
    const { clock, metrics } = this.#deps;
    const begunMs = clock.monotonic();
    let outcome: ProbeOutcome = { result: 'unknown', output: '' };
    for (let attempt = 0; attempt < ATTEMPTS && outcome.result === 'unknown'; attempt += 1) {
      outcome = await runProbe(worker.probe, worker.target, this.#deps, signal);
    }
    const seconds = (clock.monotonic() - begunMs) / 1000;
    if (!signal.aborted) metrics.probed(metricOf(worker), METRIC_RESULTS[outcome.result], seconds);
    return outcome;
  }

  #record(uid: string, worker: Worker, outcome: ProbeOutcome): void {
    const before = worker.state.result;
    worker.state = nextState(worker.state, worker.type, worker.probe, outcome.result);
    this.#report(worker, outcome);
    if (worker.state.result === before) return;
    if (worker.type === 'startup' && worker.state.result === 'success') this.#wake(uid, worker.target.containerId);
    this.#onChange(uid);
  }

  /** The others waited for the startup probe: they need not wait for their next turn too. */
  #wake(uid: string, containerId: string): void {
    for (const other of this.#byContainer.get(containerId)?.values() ?? [])
      if (other.type !== 'startup') this.#schedule(uid, other, 0);
  }

  #report({ type, pod, target }: Worker, { result, output, warning }: ProbeOutcome): void {
    const title = `${type[0]?.toUpperCase()}${type.slice(1)}`;
    const subject = containerSubject(pod, target.container.name);
    const errored = `${title} probe errored and resulted in unknown state: ${output}`;
    if (result === 'failure') this.#deps.events.event(subject, 'Warning', 'Unhealthy', `${title} probe failed: ${output}`);
    else if (result === 'unknown') this.#deps.events.event(subject, 'Warning', 'Unhealthy', errored);
    else if (warning) this.#deps.events.event(subject, 'Warning', 'ProbeWarning', `${title} probe warning: ${output}`);
  }
}

const METRIC_RESULTS = { success: 'successful', failure: 'failed', unknown: 'unknown' } as const;
const METRIC_TYPES = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' } as const;

function metricOf({ type, pod, target }: Worker): ProbeMetric {
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
  return { probe_type: METRIC_TYPES[type], container: target.container.name, pod: name, namespace, pod_uid: uid };
}

function alarmKey(uid: string, worker: Worker): string {
  return `probe/${uid}/${worker.target.container.name}/${worker.type}`;
}

function probed(pod: Pod): readonly Container[] {
  return [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? []).filter(isSidecar)];
}

function targetOf(pod: Pod, view: PodView, container: Container, containerId: string): ProbeTarget {
  const sandbox = readySandbox(view);
  const endpoint = { sandboxId: sandbox?.id ?? '', ip: sandbox?.ips[0] ?? '', hostNetwork: pod.spec?.hostNetwork ?? false };
  return { container, containerId, endpoint };
}

/** A kubelet that was restarted takes up what it had found out before, so that nothing flaps. */
function resumed(pod: Pod, target: ProbeTarget, type: ProbeType): 'success' | undefined {
  const status = reported(pod, target);
  if (type === 'startup') return status?.started ? 'success' : undefined;
  return type === 'readiness' && status?.ready ? 'success' : undefined;
}

/** What the API has of this very container. */
function reported(pod: Pod, { container, containerId }: ProbeTarget): ContainerStatus | undefined {
  const all = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  const status = all.find((each) => each.name === container.name);
  return status?.containerID?.endsWith(`//${containerId}`) ? status : undefined;
}

function wasReported(pod: Pod, target: ProbeTarget): boolean {
  return reported(pod, target)?.state?.running !== undefined;
}

/** A part of a period, always the same for one key, and spread evenly over keys. */
function partOf(periodMs: number, key: string): number {
  let hash = 0;
  for (let at = 0; at < key.length; at += 1) hash = (hash * 31 + key.charCodeAt(at)) >>> 0;
  return hash % periodMs;
}
