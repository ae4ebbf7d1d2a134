import type { Container, Pod, PodSpec } from '@keelson/api/core/v1';
import type { ContainerStatus as RuntimeContainer, SandboxStatus } from '@keelson/runtime';
import { ANNOTATIONS, containerHash, isRetried, isSidecar, isTerminal, shouldRestart } from './pod-facts.ts';
import { restartTriggers } from './restart-all.ts';
import { latestOf, readySandbox, type PodView } from './runtime-view.ts';

export type ContainerRole = 'init' | 'sidecar' | 'main' | 'ephemeral';

export interface ContainerToStart {
  readonly container: Container;
  readonly role: ContainerRole;
  /** What its restart count will be. */
  readonly attempt: number;
}

export interface ContainerToKill {
  readonly id: string;
  readonly name: string;
  readonly message: string;
  /** Overrides the pod's grace period, where a probe has one of its own. */
  readonly graceSeconds?: number;
}

/** What probes and hooks have to say about containers, by container id. */
export interface ContainerVerdicts {
  /** A sidecar counts as up once its startup probe has passed. */
  isStarted(containerId: string): boolean;
  /** Why a running container has to be killed, if so. */
  killReason(container: Container, containerId: string): { readonly message: string; readonly graceSeconds?: number } | undefined;
}

/** The next step from what the runtime has to what the pod wants. Doing nothing of it, or only a part, and asking again is fine. */
export interface PodActions {
  /** Nothing is left to run: stop sidecars and sandbox, keep what has ended for its logs. */
  readonly killPod: boolean;
  /** All containers have to go, and then to start from the beginning: see `restartTriggers`. */
  readonly restartAll: boolean;
  /** Sandboxes to stop before anything else, since they are not usable. */
  readonly stopSandboxes: readonly string[];
  /** The attempt of the sandbox to be made first, if one is. */
  readonly createSandbox: number | undefined;
  readonly kill: readonly ContainerToKill[];
  readonly start: readonly ContainerToStart[];
}

const NOTHING: PodActions = {
  killPod: false,
  restartAll: false,
  stopSandboxes: [],
  createSandbox: undefined,
  kill: [],
  start: [],
};

/** Pure: the pod's next actions. `pod` must be one that shall run (not terminating). */
export function computeActions(pod: Pod, view: PodView, verdicts: ContainerVerdicts): PodActions {
  const spec = pod.spec ?? { containers: [] };
  if (isTerminal(pod.status?.phase)) return { ...NOTHING, killPod: true };
  if (restartTriggers(pod, view).length > 0) return { ...NOTHING, restartAll: true };
  const sandbox = readySandbox(view);
  const actions = sandbox ? withSandbox(spec, view, sandbox, verdicts) : withoutSandbox(spec, view);
  return { ...actions, start: actions.start.map((start) => atLeast(pod, start)) };
}

function withoutSandbox(spec: PodSpec, view: PodView): PodActions {
  const wanted = spec.containers.filter((container) => shouldRestart(spec, container, ended(latestOf(view, container.name))));
  const initFailed = (spec.initContainers ?? []).some((init) => hasFailed(spec, init, view));
  if (wanted.length === 0 || initFailed) return { ...NOTHING, killPod: true };
  const first = spec.initContainers?.[0];
  const start = first ? [toStart(first, view, roleOfInit(first))] : wanted.map((container) => toStart(container, view, 'main'));
  const attempt = (view.sandboxes[0]?.attempt ?? -1) + 1;
  return { ...NOTHING, stopSandboxes: view.sandboxes.map((sandbox) => sandbox.id), createSandbox: attempt, start };
}

/** A container whose sandbox is gone does not run, whatever the list still says. */
function ended(container: RuntimeContainer | undefined): RuntimeContainer | undefined {
  return container?.state === 'running' ? { ...container, state: 'exited', exitCode: 137 } : container;
}

/** For good. */
function hasFailed(spec: PodSpec, init: Container, view: PodView): boolean {
  const last = latestOf(view, init.name);
  return !isSidecar(init) && last?.state === 'exited' && last.exitCode !== 0 && !isRetried(spec, init, last.exitCode);
}

function withSandbox(spec: PodSpec, view: PodView, sandbox: SandboxStatus, verdicts: ContainerVerdicts): PodActions {
  const plan = new Plan(spec, view, sandbox, verdicts);
  const initialized = spec.containers.some((container) => plan.current(container.name) !== undefined);
  for (const container of spec.ephemeralContainers ?? []) plan.addEphemeral(container);
  if (!initialized) {
    const done = plan.runInit();
    if (done === 'failed') return { ...plan.actions(), killPod: true };
    if (done === 'waiting') return plan.actions();
  } else {
    plan.keepSidecars();
  }
  const alive = plan.runMain();
  return alive ? plan.actions() : { ...plan.actions(), start: [], killPod: true };
}

class Plan {
  readonly #spec: PodSpec;
  readonly #view: PodView;
  readonly #sandbox: SandboxStatus;
  readonly #verdicts: ContainerVerdicts;
  readonly #kill: ContainerToKill[] = [];
  readonly #start: ContainerToStart[] = [];

  constructor(spec: PodSpec, view: PodView, sandbox: SandboxStatus, verdicts: ContainerVerdicts) {
    this.#spec = spec;
    this.#view = view;
    this.#sandbox = sandbox;
    this.#verdicts = verdicts;
  }

  actions(): PodActions {
    return { ...NOTHING, kill: this.#kill, start: this.#start };
  }

  /** The newest attempt in the present sandbox: what ran in an older one starts from the beginning. */
  current(name: string): RuntimeContainer | undefined {
    const last = latestOf(this.#view, name);
    return last?.sandboxId === this.#sandbox.id ? last : undefined;
  }

  addEphemeral(container: Container): void {
    if (latestOf(this.#view, container.name) === undefined) this.#start.push(toStart(container, this.#view, 'ephemeral'));
  }

  /** One after the other; each has to be done, or up if it is a sidecar, before the next begins. */
  runInit(): 'done' | 'waiting' | 'failed' {
    for (const init of this.#spec.initContainers ?? []) {
      const last = this.current(init.name);
      if (isSidecar(init)) {
        if (this.#runSidecar(init, last) === 'up') continue;
        return 'waiting';
      }
      if (last?.state === 'exited' && last.exitCode === 0) continue;
      if (last?.state === 'running') return 'waiting';
      if (!shouldRestart(this.#spec, init, last, true)) return 'failed';
      this.#start.push(toStart(init, this.#view, 'init'));
      return 'waiting';
    }
    return 'done';
  }

  keepSidecars(): void {
    for (const init of this.#spec.initContainers ?? []) if (isSidecar(init)) this.#runSidecar(init, this.current(init.name));
  }

  /** False if no main container runs or will run again. */
  runMain(): boolean {
    let alive = false;
    for (const container of this.#spec.containers) {
      const last = this.current(container.name) ?? ended(latestOf(this.#view, container.name));
      if (last?.state === 'running') {
        alive = true;
        this.#judge(container, last);
      } else if (shouldRestart(this.#spec, container, last) || isOther(container, last)) {
        alive = true;
        if (last?.state === 'unknown') this.#kill.push({ id: last.id, name: container.name, message: UNKNOWN_STATE });
        this.#start.push(toStart(container, this.#view, 'main'));
      }
    }
    return alive;
  }

  #runSidecar(init: Container, last: RuntimeContainer | undefined): 'up' | 'down' {
    if (last?.state !== 'running') {
      this.#start.push(toStart(init, this.#view, 'sidecar'));
      return 'down';
    }
    this.#judge(init, last);
    return this.#verdicts.isStarted(last.id) ? 'up' : 'down';
  }

  #judge(container: Container, running: RuntimeContainer): void {
    if (isOther(container, running)) {
      const message = `Container ${container.name} definition changed, will be restarted`;
      this.#kill.push({ id: running.id, name: container.name, message });
      return;
    }
    const reason = this.#verdicts.killReason(container, running.id);
    if (!reason) return;
    const message = this.#spec.restartPolicy === 'Never' ? reason.message : `${reason.message}, will be restarted`;
    this.#kill.push({ id: running.id, name: container.name, ...reason, message });
  }
}

/** Made by a definition that has been changed since: it is replaced whatever the restart policy says. */
function isOther(container: Container, made: RuntimeContainer | undefined): boolean {
  const hash = made?.annotations[ANNOTATIONS.hash];
  return hash !== undefined && hash !== containerHash(container);
}

const UNKNOWN_STATE = 'Container is in unknown state, try killing it before restart';

function roleOfInit(init: Container): ContainerRole {
  return isSidecar(init) ? 'sidecar' : 'init';
}

function toStart(container: Container, view: PodView, role: ContainerRole): ContainerToStart {
  const last = latestOf(view, container.name);
  if (!last) return { container, role, attempt: 0 };
  // One that was made and never started is made again in its place: it was no attempt.
  return { container, role, attempt: last.state === 'created' ? last.attempt : last.attempt + 1 };
}

/** The runtime may have forgotten older attempts; the count in the API never goes down. */
function atLeast(pod: Pod, start: ContainerToStart): ContainerToStart {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const old = [...containerStatuses, ...initContainerStatuses].find((status) => status.name === start.container.name);
  if (!old) return start;
  const hasRun =
    old.state?.running !== undefined || old.state?.terminated !== undefined || old.lastState?.terminated !== undefined;
  return hasRun
    ? {
        ...start,
        attempt: Math.max(start.attempt, old.restartCount + (old.state?.waiting && old.containerID === undefined ? 0 : 1)),
      }
    : start;
}
