import { errorMessage, type Clock, type Logger } from '@keelson/base';
import type { Container, Pod } from '@keelson/api/core/v1';
import type { ContainerRuntime, ContainerStatus } from '@keelson/runtime';
import { allContainers } from '../pod/pod-facts.ts';
import { readySandbox, type PodView } from '../pod/runtime-view.ts';
import { containerSubject } from '../event-subject.ts';
import type { EventSink } from '../ports.ts';
import { runHook } from '../probes/hooks.ts';
import type { ProbeDependencies } from '../probes/probe-actions.ts';
import { untilAborted } from '../until-aborted.ts';
import { sidecarsOf } from './pod-status.ts';

export interface PodKillerDependencies {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: EventSink;
  readonly probes: ProbeDependencies;
}

export interface KillOptions {
  readonly graceSeconds: number;
  readonly signal: AbortSignal;
  /** What the event says. */
  readonly message?: string;
  /** Resolves when its turn has come to be told: its hook does not wait for it. */
  readonly turn?: Promise<unknown>;
}

/** Always left for the signal, whatever hooks and other containers have used up of the grace period. */
const MIN_GRACE_SECONDS = 2;

/** Ends containers with grace. Calls may overlap: a later one with less grace overtakes. */
export class PodKiller {
  readonly #deps: PodKillerDependencies;
  /** Containers whose end has been announced, and whose hook has run. */
  readonly #begun = new Set<string>();

  constructor(deps: PodKillerDependencies) {
    this.#deps = deps;
  }

  /**
   * Main containers together, then sidecars from the last to the first, then the sandboxes. Hooks run all at once, and who has waited for its
   * turn until the grace period is over waits no longer.
   */
  async killPod(pod: Pod | undefined, view: PodView, graceSeconds: number, signal: AbortSignal): Promise<void> {
    const sidecars = pod ? sidecarsOf(pod) : [];
    const running = view.containers.filter(({ state }) => state === 'running' || state === 'unknown');
    const mains = running.filter(({ name }) => !sidecars.includes(name));
    const kill = (containers: readonly ContainerStatus[], turn?: Promise<unknown>): Promise<unknown> =>
      Promise.all(
        containers.map((container) => this.killContainer(pod, view, container, { graceSeconds, signal, ...(turn && { turn }) })),
      );
    const ends = [kill(mains)];
    for (const name of sidecars.toReversed()) {
      const own = running.filter((each) => each.name === name);
      if (own.length > 0) ends.push(kill(own, Promise.allSettled(ends.slice())));
    }
    await Promise.all(ends);
    for (const { id } of view.sandboxes) await untilAborted(this.#deps.runtime.stopSandbox(id, signal), signal);
  }

  async killContainer(pod: Pod | undefined, view: PodView, container: ContainerStatus, options: KillOptions): Promise<void> {
    const { graceSeconds, signal, turn } = options;
    const isFirst = !this.#begun.has(container.id);
    this.#begun.add(container.id);
    const startedAtMs = this.#deps.clock.monotonic();
    const leftSeconds = (): number => graceSeconds - (this.#deps.clock.monotonic() - startedAtMs) / 1000;
    if (pod && isFirst) {
      const message = options.message ?? `Stopping container ${container.name}`;
      this.#deps.events.event(containerSubject(pod, container.name), 'Normal', 'Killing', message);
      if (graceSeconds > 0) await this.#preStop(pod, view, container, { graceSeconds, signal });
    }
    if (turn) await untilAborted(this.#atMost(turn, leftSeconds()), signal);
    const rest = Math.max(MIN_GRACE_SECONDS, Math.floor(leftSeconds()));
    await untilAborted(this.#deps.runtime.stopContainer(container.id, rest, signal), signal);
  }

  forget(containers: readonly ContainerStatus[]): void {
    for (const { id } of containers) this.#begun.delete(id);
  }

  async #atMost(turn: Promise<unknown>, seconds: number): Promise<void> {
    if (seconds <= 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    using _timer = this.#deps.clock.after(seconds * 1000, resolve);
    await Promise.race([turn, promise]);
  }

  async #preStop(
    pod: Pod,
    view: PodView,
    container: ContainerStatus,
    { graceSeconds, signal }: { readonly graceSeconds: number; readonly signal: AbortSignal },
  ): Promise<void> {
    const spec: Container | undefined = allContainers(pod.spec ?? { containers: [] }).find(({ name }) => name === container.name);
    const handler = spec?.lifecycle?.preStop;
    if (!spec || !handler) return;
    const sandbox = readySandbox(view);
    const endpoint = { sandboxId: container.sandboxId, ip: sandbox?.ips[0] ?? '', hostNetwork: pod.spec?.hostNetwork ?? false };
    const target = { container: spec, containerId: container.id, endpoint };
    try {
      await untilAborted(runHook(handler, target, this.#deps.probes, { timeoutMs: graceSeconds * 1000, signal }), signal);
    } catch (error) {
      if (signal.aborted) throw error;
      this.#deps.events.event(containerSubject(pod, container.name), 'Warning', 'FailedPreStopHook', 'PreStopHook failed');
      this.#deps.logger.info('preStop hook failed', {
        pod: pod.metadata?.name,
        container: container.name,
        error: errorMessage(error),
      });
    }
  }
}
