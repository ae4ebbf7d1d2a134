import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ConfigMap,
  Event,
  Namespace,
  Pod,
  Secret,
  Service,
  ServiceAccount,
  type Container,
  type ContainerStatus,
  type EphemeralContainer,
} from '@keelson/api/core/v1';
import type { Client } from '@keelson/client';
import type { Kubelet } from '@keelson/kubelet';
import type { ContainerRuntime } from '@keelson/runtime';
import { expect } from 'vitest';
import type { ExecWant, PodCase, Want } from './pod-case.ts';

export interface NodeUnderTest {
  readonly client: Client;
  readonly kubelet: Kubelet;
  readonly runtime: ContainerRuntime;
  readonly nodeName: string;
  readonly image: string;
}

const DEADLINE_MS = 240_000;
const POLL_MS = 100;
const EXEC_MS = 60_000;

/** One pod of the suite, with all that is known of it. */
export class PodWorld {
  readonly node: NodeUnderTest;
  readonly namespace: string;
  readonly name = 'pod';

  constructor(node: NodeUnderTest, namespace: string) {
    this.node = node;
    this.namespace = namespace;
  }

  async create(podCase: PodCase): Promise<void> {
    const { metadata, sim = {}, spec } = podCase;
    const { client, image, nodeName } = this.node;
    const { name, namespace } = this;
    await client.resource(Namespace).create({ metadata: { name: namespace } });
    await client.resource(ServiceAccount).create({ metadata: { name: 'default', namespace } });
    await this.#createOthers(podCase);
    const annotations = Object.fromEntries(Object.entries(sim).map(([key, value]) => [`sim.keelson.dev/${key}`, value]));
    const withImage = (containers: readonly Container[]): Container[] =>
      containers.map((container) => ({ ...container, image: container.image ?? image }));
    await client.resource(Pod).create({
      metadata: { ...metadata, name, namespace, annotations: { ...metadata?.annotations, ...annotations } },
      spec: {
        nodeName,
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 3,
        ...spec,
        containers: withImage(spec.containers),
        ...(spec.initContainers && { initContainers: withImage(spec.initContainers) }),
      },
    });
  }

  async createConfigMap(name: string, data: Readonly<Record<string, string>>): Promise<void> {
    await this.node.client.resource(ConfigMap).create({ metadata: { name, namespace: this.namespace }, data });
  }

  async #createOthers({ configMaps = {}, secrets = {}, services = [] }: PodCase): Promise<void> {
    const { client } = this.node;
    const { namespace } = this;
    for (const [name, data] of Object.entries(configMaps)) await this.createConfigMap(name, data);
    for (const [name, stringData] of Object.entries(secrets))
      await client.resource(Secret).create({ metadata: { name, namespace }, stringData });
    for (const service of services)
      await client.resource(Service).create({ ...service, metadata: { ...service.metadata, namespace } });
  }

  pod(): Promise<Pod | undefined> {
    return this.node.client.resource(Pod).find({ name: this.name, namespace: this.namespace });
  }

  async patch(patch: object): Promise<unknown> {
    return this.node.client.resource(Pod).patch({ name: this.name, namespace: this.namespace }, 'strategic', patch);
  }

  /** As a controller says that a readiness gate is open. */
  async openGate(type: string): Promise<void> {
    const patch = { status: { conditions: [{ type, status: 'True' }] } };
    await this.node.client.resource(Pod).patchStatus({ name: this.name, namespace: this.namespace }, 'strategic', patch);
  }

  async addEphemeral(container: EphemeralContainer): Promise<void> {
    const pod = await this.pod();
    const ephemeralContainers = [...(pod?.spec?.ephemeralContainers ?? []), container];
    const body = { ...pod, spec: { ...pod?.spec, ephemeralContainers } };
    const name = { name: this.name, namespace: this.namespace };
    await this.node.client.resource(Pod).subresource(name, { subresource: 'ephemeralcontainers', method: 'PUT', body });
  }

  async resize(containers: readonly object[]): Promise<void> {
    const name = { name: this.name, namespace: this.namespace };
    const body = { spec: { containers } };
    await this.node.client
      .resource(Pod)
      .subresource(name, { subresource: 'resize', method: 'PATCH', body, patchType: 'strategic' });
  }

  async stopSandbox(): Promise<void> {
    const podUid = (await this.pod())?.metadata?.uid ?? '';
    const sandboxes = await this.node.runtime.listSandboxes(undefined, { podUid });
    for (const { id, pod } of sandboxes) if (pod.uid === podUid) await this.node.runtime.stopSandbox(id);
  }

  async delete(gracePeriodSeconds: number): Promise<void> {
    await this.node.client.resource(Pod).delete({ name: this.name, namespace: this.namespace }, { gracePeriodSeconds });
  }

  /** Lets go of it: its kubelet ends it by itself. */
  async abandon(): Promise<void> {
    await this.delete(0).catch(() => undefined);
  }

  async containerId(name: string): Promise<string> {
    const status = statusesOf(await this.pod()).get(name);
    return status?.containerID?.split('//')[1] ?? '';
  }

  /** Waits until all that is wanted is so at the same time; rejects with what is not, and with what was seen. */
  async see(want: Want): Promise<void> {
    const endMs = Date.now() + DEADLINE_MS;
    for (;;) {
      const pod = await this.pod();
      try {
        await this.#check(pod, want);
        return;
      } catch (error) {
        if (Date.now() < endMs) await sleep(POLL_MS);
        else throw new Error(`${String(error)}\n${await this.#picture(pod)}`, { cause: error });
      }
    }
  }

  async #check(pod: Pod | undefined, want: Want): Promise<void> {
    if (want.gone) expect(pod, 'the pod').toBeUndefined();
    else checkStatus(pod, want);
    const { events = [], exec = [], logs = {}, noEvents = [], previousLogs = {} } = want;
    const told = events.length + noEvents.length > 0 ? await this.events() : [];
    for (const line of events) expect(told).toContainEqual(like(line));
    for (const line of noEvents) expect(told).not.toContainEqual(like(line));
    for (const [container, wanted] of Object.entries(logs)) expect(await this.#log(container, false)).toEqual(like(wanted));
    for (const [container, wanted] of Object.entries(previousLogs))
      expect(await this.#log(container, true)).toEqual(like(wanted));
    for (const each of exec) await this.#exec(pod, each);
  }

  /** `Reason: message` of all events about the pod. */
  async events(): Promise<string[]> {
    const { items } = await this.node.client.resource(Event).list({ namespace: this.namespace });
    return items.map(({ message, reason }) => `${reason}: ${message}`);
  }

  async #log(container: string, previous: boolean): Promise<string> {
    const name = { namespace: this.namespace, pod: this.name, container };
    return (await text(await this.node.kubelet.api.logs(name, { previous }))).trim();
  }

  async #exec(pod: Pod | undefined, { command, container = 'web', exitCode = 0, prints }: ExecWant): Promise<void> {
    const id = statusesOf(pod).get(container)?.containerID?.split('//')[1] ?? '';
    const result = await this.node.runtime.execSync(id, command, EXEC_MS);
    const [stdout, stderr] = [result.stdout, result.stderr].map((bytes) => Buffer.from(bytes).toString().trim());
    const title = `${command.join(' ')}: ${stderr}`;
    if (prints !== undefined) expect(stdout, title).toEqual(like(prints));
    expect(result.exitCode, title).toBe(exitCode);
  }

  async #picture(pod: Pod | undefined): Promise<string> {
    return [JSON.stringify(pod?.status, undefined, 1), ...(await this.events())].join('\n');
  }
}

function like(wanted: string | RegExp): unknown {
  return typeof wanted === 'string' ? wanted : expect.stringMatching(wanted);
}

function checkStatus(pod: Pod | undefined, want: Want): void {
  const { conditions = {}, containers = {}, message, phase, reason, status } = want;
  const seen = pod?.status ?? {};
  if (phase !== undefined) expect(seen.phase, 'phase').toBe(phase);
  if (reason !== undefined) expect(seen.reason, 'reason').toBe(reason);
  if (message !== undefined) expect(seen.message, 'message').toEqual(like(message));
  if (status) expect(seen).toMatchObject(status);
  for (const [type, wanted] of Object.entries(conditions)) {
    const found = seen.conditions?.find((condition) => condition.type === type);
    const verdict = wanted.includes('/') ? `${found?.status}/${found?.reason}` : found?.status;
    expect(verdict, `condition ${type}`).toBe(wanted);
  }
  const statuses = statusesOf(pod);
  for (const [name, wanted] of Object.entries(containers)) expect(statuses.get(name), name).toMatchObject(wanted);
}

function statusesOf(pod: Pod | undefined): ReadonlyMap<string, ContainerStatus> {
  const { containerStatuses = [], ephemeralContainerStatuses = [], initContainerStatuses = [] } = pod?.status ?? {};
  const all = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses];
  return new Map(all.map((status) => [status.name, status]));
}
