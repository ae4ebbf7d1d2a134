import { errorMessage, isReason, KeelsonError, type Clock } from '@keelson/base';
import type { Pod } from '@keelson/api/core/v1';
import type { ContainerRuntime, ImageStatus, SandboxStatus } from '@keelson/runtime';
import { containerEnv, type ConfigReader } from '../env/container-env.ts';
import type { DownwardContext } from '../env/field-ref.ts';
import type { ImageOutcome, ImagePuller } from '../images/image-puller.ts';
import type { ContainerToStart } from '../pod/compute-actions.ts';
import type { WaitingReason } from '../pod/container-statuses.ts';
import { RestartBackoff } from '../pod/restart-backoff.ts';
import { latestOf, type PodView } from '../pod/runtime-view.ts';
import { containerHash } from '../pod/pod-facts.ts';
import { durationText } from '../duration-text.ts';
import { containerSubject, podSubject } from '../event-subject.ts';
import type { EventSink, ServiceSource } from '../ports.ts';
import type { ProbeDependencies } from '../probes/probe-actions.ts';
import { runHook } from '../probes/hooks.ts';
import type { MountedVolumes } from '../volumes/container-mounts.ts';
import type { VolumeManager } from '../volumes/volume-manager.ts';
import { containerConfig } from './container-config.ts';
import { mountHosts } from './pod-hosts.ts';

export interface ContainerStarterDependencies {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly images: ImagePuller;
  readonly config: ConfigReader;
  readonly services: ServiceSource;
  readonly volumes: VolumeManager;
  readonly probes: ProbeDependencies;
  readonly nodeName: string;
  readonly clusterDomain: string;
  readonly seccompDir: string;
  readonly memoryCapacityBytes: number;
}

export interface StartContext {
  readonly pod: Pod;
  readonly view: PodView;
  readonly sandbox: SandboxStatus;
  readonly volumes: MountedVolumes;
  readonly downward: DownwardContext;
  readonly signal: AbortSignal;
}

export type StartOutcome =
  | { readonly started: true }
  | { readonly started: false; readonly waiting: WaitingReason; readonly retryAtMs: number | undefined };

interface StartImages {
  readonly ok: true;
  readonly image: ImageStatus;
  /** By the names of volumes. */
  readonly mounted: ReadonlyMap<string, ImageStatus>;
}

type FailedImage = Extract<ImageOutcome, { readonly ok: false }>;

/** Starts one container: back-off, image, environment, mounts, the process, its postStart hook. */
export class ContainerStarter {
  readonly #deps: ContainerStarterDependencies;
  readonly #backoff: RestartBackoff;
  /** Of containers that the runtime does not have any more. */
  readonly #ends = new Map<string, number>();

  constructor(deps: ContainerStarterDependencies) {
    this.#deps = deps;
    this.#backoff = new RestartBackoff(deps.clock);
  }

  /** Rejects only if the runtime does not answer or the signal aborts. */
  async start(start: ContainerToStart, context: StartContext): Promise<StartOutcome> {
    const held = this.#holdBack(start, context);
    if (held) return held;
    const images = await this.#images(start, context);
    if (!images.ok) return { started: false, waiting: images.waiting, retryAtMs: images.retryAtMs };
    const id = await this.#create(start, context, images).catch((error: unknown) =>
      this.#failure(error, start, context, 'CreateContainerConfigError'),
    );
    return typeof id === 'string' ? this.#run(id, start, context) : id;
  }

  /** A container has ended at this time, and will have gone from the runtime when it is to be started again. */
  noteEnd(pod: Pod, name: string, atMs: number): void {
    this.#ends.set(`${pod.metadata?.uid}/${name}`, atMs);
  }

  forget(podUid: string): void {
    this.#backoff.forget(`${podUid}/`);
    for (const key of this.#ends.keys()) if (key.startsWith(`${podUid}/`)) this.#ends.delete(key);
  }

  /** A container that has ended before waits longer each time before it is started again. */
  #holdBack({ container }: ContainerToStart, { pod, view }: StartContext): StartOutcome | undefined {
    const last = latestOf(view, container.name);
    const gone = `${pod.metadata?.uid}/${container.name}`;
    const endedAtMs = last ? last.finishedAtMs || last.createdAtMs : this.#ends.get(gone);
    if (endedAtMs === undefined || last?.state === 'running') return undefined;
    const key = `${gone}/${containerHash(container)}`;
    const remainingMs = this.#backoff.remainingMs(key, endedAtMs);
    if (remainingMs === 0) {
      this.#backoff.next(key, endedAtMs);
      this.#ends.delete(gone);
      return undefined;
    }
    const where = `pod ${podText(pod)}`;
    const told = `Back-off restarting failed container ${container.name} in ${where}`;
    this.#deps.events.event(containerSubject(pod, container.name), 'Warning', 'BackOff', told);
    const message = `back-off ${durationText(this.#backoff.delayMs(key))} restarting failed container=${container.name} pod=${podText(pod)}`;
    return { started: false, waiting: { reason: 'CrashLoopBackOff', message }, retryAtMs: this.#deps.clock.now() + remainingMs };
  }

  /** That of the container, and those that it mounts. */
  async #images({ container }: ContainerToStart, { pod, signal }: StartContext): Promise<StartImages | FailedImage> {
    const { image = '', imagePullPolicy: policy, name, volumeMounts = [] } = container;
    const own = await this.#deps.images.ensure(pod, { image, policy, subject: containerSubject(pod, name) }, signal);
    if (!own.ok) return own;
    const mounted = new Map<string, ImageStatus>();
    for (const volume of pod.spec?.volumes ?? []) {
      if (!volume.image || !volumeMounts.some((mount) => mount.name === volume.name)) continue;
      const { pullPolicy, reference = '' } = volume.image;
      const wanted = { image: reference, policy: pullPolicy, subject: podSubject(pod) };
      const outcome = await this.#deps.images.ensure(pod, wanted, signal);
      if (!outcome.ok) return outcome;
      mounted.set(volume.name, outcome.image);
    }
    return { ok: true, image: own.image, mounted };
  }

  async #create(start: ContainerToStart, context: StartContext, { image, mounted }: StartImages): Promise<string | StartOutcome> {
    const { container, attempt } = start;
    const { pod, sandbox, downward, volumes, signal } = context;
    const { config, services, runtime, nodeName, memoryCapacityBytes, seccompDir } = this.#deps;
    const volumePath = (name: string) => volumes.get(name)?.path;
    const env = await containerEnv({ pod, container, config, downward, volumePath, services: services.list() });
    const { uid = '' } = pod.metadata ?? {};
    const ofVolumes = await this.#deps.volumes.containerMounts({ podUid: uid, container, volumes, env, images: mounted });
    const terminationLog = await this.#deps.volumes.terminationLog(uid, container.name, attempt);
    const { clusterDomain } = this.#deps;
    const hosts = { pod, podIps: downward.podIps, clusterDomain };
    const mounts = [...ofVolumes, ...(await mountHosts(this.#deps.volumes.podDirectory(uid), hosts, ofVolumes))];
    const wanted = containerConfig({
      pod,
      container,
      attempt,
      image,
      env,
      mounts,
      nodeName,
      memoryCapacityBytes,
      seccompDir,
      terminationLog,
      targetContainerId: targetOf(container.name, context),
    });
    signal.throwIfAborted();
    try {
      const id = await runtime.createContainer(sandbox.id, wanted, signal);
      this.#deps.events.event(containerSubject(pod, container.name), 'Normal', 'Created', 'Container created');
      return id;
    } catch (error) {
      return this.#failure(error, start, context, 'CreateContainerError');
    }
  }

  #failure(error: unknown, { container }: ContainerToStart, { pod, signal }: StartContext, reason: string): StartOutcome {
    signal.throwIfAborted();
    if (isReason(error, 'ServiceUnavailable')) throw error;
    const message = errorMessage(error);
    this.#deps.events.event(containerSubject(pod, container.name), 'Warning', 'Failed', `Error: ${message}`);
    return { started: false, waiting: { reason, message }, retryAtMs: this.#deps.clock.now() + RETRY_MS };
  }

  async #run(id: string, start: ContainerToStart, context: StartContext): Promise<StartOutcome> {
    const { pod, signal } = context;
    try {
      await this.#deps.runtime.startContainer(id, signal);
    } catch (error) {
      return this.#failure(error, start, context, 'RunContainerError');
    }
    this.#deps.events.event(containerSubject(pod, start.container.name), 'Normal', 'Started', 'Container started');
    return this.#postStart(id, start, context);
  }

  async #postStart(id: string, { container }: ContainerToStart, { pod, sandbox, signal }: StartContext): Promise<StartOutcome> {
    const handler = container.lifecycle?.postStart;
    if (!handler) return { started: true };
    const endpoint = { sandboxId: sandbox.id, ip: sandbox.ips[0] ?? '', hostNetwork: pod.spec?.hostNetwork ?? false };
    try {
      await runHook(handler, { container, containerId: id, endpoint }, this.#deps.probes, { timeoutMs: HOOK_TIMEOUT_MS, signal });
      return { started: true };
    } catch (error) {
      signal.throwIfAborted();
      const message = errorMessage(error);
      const subject = containerSubject(pod, container.name);
      // Without what went wrong, which may hold what a Secret holds.
      this.#deps.events.event(subject, 'Warning', 'FailedPostStartHook', 'PostStartHook failed');
      this.#deps.events.event(subject, 'Normal', 'Killing', 'FailedPostStartHook');
      await this.#deps.runtime.stopContainer(id, pod.spec?.terminationGracePeriodSeconds ?? 30, signal);
      return { started: false, waiting: { reason: 'PostStartHookError', message }, retryAtMs: this.#deps.clock.now() };
    }
  }
}

/** After a failure that may be mended from outside: a ConfigMap that is missing, say. */
const RETRY_MS = 5000;

/** Hooks have no limit of their own; a sync that hangs for ever would keep the pod from being watched. */
const HOOK_TIMEOUT_MS = 600_000;

function podText(pod: Pod): string {
  return `${pod.metadata?.name}_${pod.metadata?.namespace}(${pod.metadata?.uid})`;
}

/** The container that an ephemeral one is to look into. */
function targetOf(name: string, { pod, view }: StartContext): string | undefined {
  const target = pod.spec?.ephemeralContainers?.find((each) => each.name === name)?.targetContainerName ?? '';
  if (target === '') return undefined;
  const { id } = latestOf(view, target) ?? {};
  if (id === undefined) throw new KeelsonError('NotFound', `unable to find target container ${target}`);
  return id;
}
