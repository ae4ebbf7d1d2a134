import { join } from 'node:path';
import { TaskGroup, type Runnable } from '@keelson/base';
import { parseQuantity } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import type { Images } from '@keelson/runtime';
import type { Subscription } from 'rxjs';
import { Alarms } from './alarms.ts';
import { ConfigCache, TokenCache } from './config-cache.ts';
import { EvictionManager, type EvictionDependencies } from './eviction/eviction-manager.ts';
import { ImageGc, type ImageGcDependencies } from './images/image-gc.ts';
import { StorageLimits } from './eviction/storage-limits.ts';
import { machineObserver, type ObserveOptions } from './eviction/observe.ts';
import type { Pressure } from './eviction/thresholds.ts';
import { evicted } from './eviction/verdicts.ts';
import { ImagePuller } from './images/image-puller.ts';
import { ImageRights } from './images/image-rights.ts';
import { PulledImages } from './images/pulled-images.ts';
import { logLimitsOf } from './log-limits.ts';
import { NodeAgent, type NodeAgentDependencies } from './node/node-agent.ts';
import type { KubeletDependencies, KubeletOptions } from './options.ts';
import type { PodDelta } from './ports.ts';
import { dialer } from './probes/connection.ts';
import { ProbeManager } from './probes/probe-manager.ts';
import { shownConfiguration } from './configuration/shown-configuration.ts';
import { KubeletServer } from './server/kubelet-server.ts';
import { NodeApi } from './server/node-api.ts';
import { fileSystemUsage } from './stats/machine.ts';
import { KubeletMetrics } from './stats/kubelet-metrics.ts';
import { measuredRuntime } from './stats/measured-runtime.ts';
import { NodeReports } from './stats/node-reports.ts';
import { NodeStats } from './stats/node-stats.ts';
import { PodDisks } from './stats/pod-disks.ts';
import type { ManifestListener } from './static-pods/manifest-set.ts';
import { StaticPods } from './static-pods/static-pods.ts';
import { untilAborted } from './until-aborted.ts';
import { MirrorPods } from './static-pods/mirror-pods.ts';
import { mirroredHash } from './static-pods/static-pod.ts';
import { SystemMounter } from './volumes/mounter.ts';
import { VolumeManager } from './volumes/volume-manager.ts';
import { Orphans } from './worker/orphans.ts';
import { podMachinery } from './worker/pod-machinery.ts';
import { PodWorkers, type PodWorkersDependencies } from './worker/pod-workers.ts';
import { Pleg, type PlegListener } from './worker/pleg.ts';
import { StatusManager } from './worker/status-manager.ts';

/** An eviction that takes longer does not keep the next one waiting. */
const EVICTION_MS = 30_000;
const AT_ONCE_SECONDS = 1;

/**
 * The agent of one node: registers it, runs the pods that are bound to it, and reports on them. Several may live in one process. Stopping
 * it leaves the containers running; the next one on the same runtime takes them up.
 */
export class Kubelet implements Runnable {
  readonly name: string;
  /** What the HTTPS API does, without the socket. */
  readonly api: NodeApi;
  readonly #deps: KubeletDependencies;
  readonly #alarms: Alarms;
  readonly #pleg: Pleg;
  readonly #images: ImagePuller;
  readonly #probes: ProbeManager;
  readonly #statuses: StatusManager;
  readonly #workers: PodWorkers;
  readonly #orphans: Orphans;
  readonly #agent: NodeAgent;
  readonly #volumes: VolumeManager;
  readonly #storageLimits: StorageLimits;
  readonly #server: KubeletServer | undefined;
  readonly #mirrors: MirrorPods;
  readonly #staticPods: StaticPods;
  readonly #eviction: EvictionManager | undefined;
  readonly #imageGc: ImageGc | undefined;
  readonly #tasks: TaskGroup;
  readonly #shutdown: KubeletOptions['shutdown'];
  #isShuttingDown = false;
  #subscription: Subscription | undefined;

  constructor(deps: KubeletDependencies, options: KubeletOptions) {
    const { clock, mounter = new SystemMounter() } = deps;
    const { nodeName, rootDir, serving = {} } = options;
    const metrics = new KubeletMetrics();
    const runtime = measuredRuntime(deps.runtime, clock, metrics);
    const logger = deps.logger.child({ node: nodeName });
    const logLimits = logLimitsOf(options);
    if (logLimits) runtime.limitLogs?.(logLimits);
    this.name = `kubelet ${nodeName}`;
    this.#deps = deps;
    this.#tasks = new TaskGroup(logger);
    this.#shutdown = options.shutdown;
    this.#alarms = new Alarms(clock);
    this.#pleg = new Pleg({ runtime, clock, logger, nodeName, metrics }, this.#plegListener());
    const common = { ...deps, runtime, logger, nodeName, metrics, alarms: this.#alarms, pleg: this.#pleg };
    const reach = { runtime, clock, dial: dialer(runtime, () => this.#pleg.info?.podNetwork ?? false) };
    this.#probes = new ProbeManager({ ...common, ...reach }, (uid) => this.#workers.notify(uid));
    this.#statuses = new StatusManager(common);
    this.#agent = new NodeAgent(
      { ...common, port: () => this.port, canMountReadOnlyTrees: mounter.canMount, ...this.#nodeFacts() },
      options,
    );
    const { capacity } = this.#agent;
    const config = new ConfigCache(common);
    const tokens = new TokenCache(common);
    const volumes = new VolumeManager({ ...common, config, tokens, mounter, rootDir, node: () => this.#agent.node });
    this.#volumes = volumes;
    const pulled = new PulledImages({ logger, file: join(rootDir, 'pulled-images.json') });
    const rights = new ImageRights({ logger, file: join(rootDir, 'image-rights.json') });
    this.#images = new ImagePuller({ ...common, config, pulled, rights }, options.maxParallelImagePulls);
    const memoryCapacityBytes = Number(parseQuantity(capacity['memory'] ?? '0').value());
    const parts = { config, tokens, volumes, reach, images: this.#images, probes: this.#probes, statuses: this.#statuses };
    const { killer, syncer } = podMachinery(
      {
        ...common,
        ...parts,
        memoryCapacityBytes,
        node: () => this.#agent.node,
        allocatable: () => this.#agent.allocatable,
        others: (uid) => this.#workers.activeBeside(uid),
      },
      options,
    );
    this.#workers = new PodWorkers({ ...common, syncer, ...this.#workerFacts(options) });
    this.#orphans = new Orphans({ ...common, killer, syncer, volumes, isKnown: (uid) => this.#workers.has(uid) });
    this.#mirrors = new MirrorPods({ ...common, node: () => this.#agent.node }, (uid, mirror) =>
      this.#statuses.setMirror(uid, mirror),
    );
    this.#staticPods = new StaticPods(common, options, this.#staticPodListener());
    const pods = () => this.#podsWithStatus();
    const stats = new NodeStats({ runtime, clock, pods, view: (uid) => this.#pleg.view(uid) });
    const disks = new PodDisks({ ...common, view: (uid) => this.#pleg.view(uid), volumes: (pod) => volumes.measurable(pod) });
    this.#storageLimits = this.#storageLimitsOf({ ...common, disks });
    this.#imageGc = options.imageGc === false ? undefined : this.#imageGcOf(options, { ...common, pulled, rights });
    this.#eviction = options.eviction && this.#evictionOf(options, { ...common, stats, disks, memoryCapacityBytes });
    const reports = new NodeReports({ stats, disks, runtime, clock }, { ...options, capacity });
    this.api = new NodeApi({ ...common, nowMs: () => clock.now(), pods, reports });
    const shown = { config: () => shownConfiguration(options, this.port), lastLookMs: () => this.#pleg.lastLookMs };
    this.#server = serving === false ? undefined : new KubeletServer({ ...common, ...shown, api: this.api }, serving);
  }

  /** Where the HTTPS API listens; 0 before start and without a server. */
  get port(): number {
    return this.#server?.port ?? 0;
  }

  /** Resolves when it serves and knows its pods. It does not wait for the runtime or for the node's registration: both are tried on and on. */
  async start(signal: AbortSignal): Promise<void> {
    await this.#volumes.sweep();
    await this.#server?.start(signal);
    this.#pleg.start();
    this.#agent.start();
    await this.#staticPods.start();
    await Promise.all([this.#deps.pods.whenSynced(signal), this.#deps.services.whenSynced(signal)]);
    this.#subscription = this.#deps.pods.deltas$.subscribe((deltas) => deltas.forEach((delta) => this.#onDelta(delta)));
    const seen = this.#staticPods.whenSeen;
    if (seen) this.#tasks.run('wait for static pods', (stopping) => this.#startOrphans(seen, stopping));
    else this.#orphans.start();
    this.#eviction?.start();
    this.#storageLimits.start();
    this.#imageGc?.start((task) => this.#tasks.run('image garbage collection', task));
  }

  /** Ends all pods, and says that the node goes away. It takes on no more; to be followed by `stop`. */
  async shutDown({ graceSeconds, criticalSeconds }: NonNullable<KubeletOptions['shutdown']>): Promise<void> {
    this.#isShuttingDown = true;
    this.#agent.report();
    await this.#workers.shutDown(graceSeconds, criticalSeconds);
  }

  async stop(): Promise<void> {
    if (this.#shutdown) await this.shutDown(this.#shutdown);
    this.#subscription?.unsubscribe();
    this.#alarms.stop();
    await this.#staticPods.stop();
    await this.#mirrors.stop();
    await this.#server?.stop();
    await Promise.all([this.#eviction?.stop(), this.#tasks.stop()]);
    await Promise.all([this.#images.stop(), this.#workers.stop(), this.#orphans.stop(), this.#probes.stop()]);
    await Promise.all([this.#statuses.stop(), this.#agent.stop(), this.#pleg.stop()]);
  }

  get #pressures(): ReadonlySet<Pressure> {
    return this.#eviction?.pressures ?? new Set();
  }

  /** What the node has to say of itself beyond what it has. */
  #nodeFacts(): Pick<NodeAgentDependencies, 'registered' | 'pressures' | 'isShuttingDown'> {
    return {
      registered: () => this.#mirrors.lookAtAll(),
      pressures: () => this.#pressures,
      isShuttingDown: () => this.#isShuttingDown,
    };
  }

  /** What decides whether the node takes on a pod. */
  #workerFacts({
    allowedUnsafeSysctls = [],
  }: KubeletOptions): Pick<PodWorkersDependencies, 'node' | 'lookAtNode' | 'pressures' | 'policies'> {
    return {
      node: () => this.#agent.node,
      lookAtNode: () => this.#agent.look(),
      pressures: () => this.#pressures,
      policies: () => {
        const { appArmor, strictGroups = false } = this.#pleg.info ?? {};
        return { allowedUnsafeSysctls, strictGroups, appArmor };
      },
    };
  }

  /** A runtime with machines of its own has no disks. */
  #imageGcOf({ imageDir, imageGc, rootDir }: KubeletOptions, deps: Omit<ImageGcDependencies, 'fileSystem' | 'mounted'>): ImageGc {
    const fileSystem = async (images: Images) => {
      if (deps.runtime.machineStats) return undefined;
      return fileSystemUsage(imageDir ?? (await images.directory?.()) ?? rootDir);
    };
    const mounted = () =>
      this.#workers.pods.flatMap(({ spec }) => (spec?.volumes ?? []).flatMap(({ image }) => image?.reference ?? []));
    return new ImageGc({ ...deps, fileSystem, mounted }, imageGc || {});
  }

  #evictionOf(
    { eviction = {}, imageDir, rootDir }: KubeletOptions,
    deps: Pick<EvictionDependencies, 'clock' | 'logger' | 'alarms' | 'events' | 'nodeName' | 'stats' | 'disks'> &
      Pick<ObserveOptions, 'runtime' | 'memoryCapacityBytes'>,
  ): EvictionManager {
    const { memoryCapacityBytes, runtime } = deps;
    const own = { runtime, memoryCapacityBytes, rootDir, ...(imageDir !== undefined && { imageDir }) };
    const observe = this.#deps.observe ?? machineObserver(own);
    return new EvictionManager(
      {
        ...deps,
        observe,
        evict: (...how) => this.#evict(...how),
        pods: () => this.#workers.active,
        reclaimDisk: async () => {
          await this.#workers.removeEnded(this.#tasks.signal);
          await this.#imageGc?.removeUnused();
        },
        changed: () => this.#agent.report(),
      },
      eviction,
    );
  }

  #storageLimitsOf(
    deps: Pick<EvictionDependencies, 'alarms' | 'events' | 'logger'> & { readonly disks: PodDisks },
  ): StorageLimits {
    return new StorageLimits({
      ...deps,
      tasks: this.#tasks,
      pods: () => this.#workers.active,
      volumes: (pod) => this.#volumes.measurable(pod),
      evict: (uid, message) => void this.#workers.evict(uid, evicted(message), AT_ONCE_SECONDS),
    });
  }

  async #evict(pod: Pod, message: string, graceSeconds: number): Promise<void> {
    const isOver = this.#workers.evict(pod.metadata?.uid ?? '', evicted(message), graceSeconds);
    await Promise.race([isOver, this.#deps.clock.sleep(EVICTION_MS, this.#tasks.signal).catch(() => undefined)]);
  }

  #staticPodListener(): ManifestListener {
    return {
      added: (pod) => {
        this.#mirrors.add(pod);
        this.#workers.update(pod);
      },
      removed: (pod) => {
        this.#mirrors.remove(pod);
        this.#workers.delete(pod);
      },
    };
  }

  /** What the runtime has and nobody knows may be a static pod of before, as long as not all of these are known. */
  async #startOrphans(seen: Promise<void>, signal: AbortSignal): Promise<void> {
    await untilAborted(seen, signal);
    this.#orphans.start();
  }

  #onDelta(delta: PodDelta): void {
    if (mirroredHash(delta.object) !== undefined) this.#mirrors.observe(delta.object, delta.type === 'deleted');
    else if (delta.type === 'deleted') this.#workers.delete(delta.object);
    else this.#workers.update(delta.object);
  }

  #plegListener(): PlegListener {
    return { changed: (uids) => uids.forEach((uid) => this.#workers.notify(uid)), turned: () => this.#onRuntimeTurn() };
  }

  #onRuntimeTurn(): void {
    if (this.#pleg.isUp) this.#workers.notifyAll();
    this.#agent.report();
  }

  #podsWithStatus(): readonly Pod[] {
    return this.#workers.pods.map((pod) => {
      const status = this.#statuses.get(pod.metadata?.uid ?? '');
      return status ? { ...pod, status } : pod;
    });
  }
}
