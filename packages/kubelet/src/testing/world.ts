import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@keelson/base';
import { eventually, ManualClock } from '@keelson/base/testing';
import type { KubernetesObject } from '@keelson/api';
import { Pod, type Container, type ObjectReference, type PodSpec, type Service } from '@keelson/api/core/v1';
import type { Reading, Signal } from '../eviction/thresholds.ts';
import { Kubelet } from '../kubelet.ts';
import type { KubeletOptions } from '../options.ts';
import type { NetworkGuard } from '../ports.ts';
import { filesIdle } from './file-access.ts';
import { MemoryClient } from './memory-client.ts';
import { NO_MOUNTS } from '../volumes/mounter.ts';
import { MemoryRuntime } from './memory-runtime.ts';

export interface RecordedEvent {
  readonly about: KubernetesObject | ObjectReference;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
}

const START_MS = 120_000;

/** A kubelet with everything around it in memory, and time at a standstill. */
export class World implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly client = new MemoryClient(this.clock);
  readonly runtime = new MemoryRuntime(this.clock);
  readonly events: RecordedEvent[] = [];
  readonly services: Service[] = [];
  /** Has a say before anything runs in the network of a pod; by default it says yes. */
  admit: NetworkGuard['admit'] = async () => undefined;
  /** What the node has left, for evictions. */
  readonly observed = new Map<Signal, Reading>();
  readonly rootDir: string;
  kubelet: Kubelet;
  readonly #options: Partial<KubeletOptions>;

  private constructor(rootDir: string, options: Partial<KubeletOptions>) {
    this.rootDir = rootDir;
    this.#options = options;
    this.kubelet = this.#make();
  }

  static async start(options: Partial<KubeletOptions> = {}): Promise<World> {
    const world = new World(await mkdtemp(join(tmpdir(), 'kubelet-')), options);
    await world.kubelet.start(AbortSignal.timeout(START_MS));
    return world;
  }

  /** A new kubelet on the same runtime, API and directory. */
  async restart(): Promise<void> {
    await this.kubelet.stop();
    this.kubelet = this.#make();
    await this.kubelet.start(AbortSignal.timeout(START_MS));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kubelet.stop();
    await rm(this.rootDir, { recursive: true, force: true });
  }

  createPod(name: string, spec: Partial<PodSpec> = {}): Pod {
    const containers = spec.containers ?? [container('web')];
    return this.client.create(Pod, {
      metadata: { name, namespace: 'default' },
      spec: { nodeName: 'n1', ...spec, containers },
      status: { phase: 'Pending' },
    });
  }

  pod(name: string): Pod | undefined {
    return this.client.read(Pod, { name, namespace: 'default' });
  }

  deletePod(name: string, graceSeconds = 30): void {
    this.client.deletePod(Pod, { name, namespace: 'default' }, graceSeconds);
  }

  /** Of all events, or of those about one kind of object. */
  reasons(kind?: string): string[] {
    return this.events.filter(({ about }) => kind === undefined || about.kind === kind).map(({ reason }) => reason);
  }

  /** Names in a directory under the kubelet's own. */
  files(...path: readonly string[]): Promise<string[]> {
    return readdir(join(this.rootDir, ...path));
  }

  /** Waits (in real time, for file access) until a condition holds; time of the kubelet stands still. */
  async until(condition: () => unknown): Promise<void> {
    await eventually(() => Boolean(condition()));
  }

  /** Moves time on in steps until a condition holds. */
  async advanceUntil(condition: () => unknown, stepMs = 1000, maxSteps = 400): Promise<void> {
    for (let step = 0; step < maxSteps; step += 1) {
      await filesIdle();
      if (condition()) return;
      await this.clock.advance(stepMs);
    }
    throw new Error(`never came true: ${condition.toString()}`);
  }

  /** Moves time on in steps of a second, each once the kubelet has done what the one before gave it to do. */
  async advance(byMs: number): Promise<void> {
    await filesIdle();
    for (let leftMs = byMs; leftMs > 0; leftMs -= 1000) {
      await this.clock.advance(Math.min(1000, leftMs));
      await filesIdle();
    }
  }

  #make(): Kubelet {
    const { client, clock, runtime } = this;
    const events = {
      event: (about: KubernetesObject | ObjectReference, type: string, reason: string, message: string) =>
        void this.events.push({ about, type, reason, message }),
    };
    const services = { list: () => this.services, whenSynced: async () => undefined };
    const mounter = NO_MOUNTS;
    const observe = async () => new Map(this.observed);
    const networkGuard: NetworkGuard = { admit: (...asked) => this.admit(...asked) };
    const ports = { events, services, mounter, observe, networkGuard, pods: client.podsOf('n1') };
    return new Kubelet(
      { client, clock, runtime, ...ports, logger: silentLogger },
      {
        nodeName: 'n1',
        rootDir: this.rootDir,
        serving: false,
        clusterDns: ['10.96.0.10'],
        imageGc: false, // The disk is the machine's.
        capacity: { cpu: '4', memory: '8Gi', 'ephemeral-storage': '10Gi' },
        ...this.#options,
      },
    );
  }
}

export function container(name: string, more: Partial<Container> = {}): Container {
  return { name, image: `${name}:1`, ...more };
}
