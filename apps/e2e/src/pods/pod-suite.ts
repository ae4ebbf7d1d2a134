import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startTestApiServer } from '@keelson/api-server/testing';
import { Pod, Service } from '@keelson/api/core/v1';
import { silentLogger as logger, SystemClock } from '@keelson/base';
import { createClient } from '@keelson/client';
import { EventRecorder, InformerFactory } from '@keelson/controller-runtime';
import { Kubelet } from '@keelson/kubelet';
import type { ContainerRuntime } from '@keelson/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALL_CASES } from './cases/all-cases.ts';
import { HOST_DIRECTORY } from './cases/volumes.ts';
import type { Ability, PodCase } from './pod-case.ts';
import { PodWorld, type NodeUnderTest } from './pod-world.ts';

export interface RuntimeTarget {
  readonly name: string;
  readonly abilities: ReadonlySet<Ability>;
  /** Called once. `image` is one with a shell and its tools, if there are processes, that is on the node or can be pulled. */
  open(): Promise<{ readonly runtime: ContainerRuntime; readonly image: string } & AsyncDisposable>;
}

const UP_MS = 180_000;
const CASE_MS = 900_000;
const LEFT_MS = 180_000;

/** Over a hundred pods, each with what has to be seen of it, on a real kubelet and API server with the given runtime. */
export function describePods(target: RuntimeTarget): void {
  describe.concurrent(`pods on ${target.name}`, () => {
    let world: { readonly node: NodeUnderTest; readonly rootDir: string } & AsyncDisposable;
    beforeAll(async () => {
      world = await startNode(target);
    }, UP_MS);
    afterAll(() => world?.[Symbol.asyncDispose](), UP_MS);

    let number = 0;
    for (const each of ALL_CASES) {
      const why = unfit(each, target);
      if (why !== undefined) continue;
      number += 1;
      const namespace = `case-${number}`;
      it(each.title, () => play(each, new PodWorld(world.node, namespace)), CASE_MS);
    }
  });
}

/** How many cases make sense on a runtime. */
export function casesFor(target: RuntimeTarget): number {
  return ALL_CASES.filter((each) => unfit(each, target) === undefined).length;
}

function unfit({ needs = [], sim }: PodCase, { abilities }: RuntimeTarget): string | undefined {
  if (sim === undefined && !abilities.has('processes')) return 'needs processes';
  const missing = needs.find((ability) => !abilities.has(ability));
  return missing && `needs ${missing}`;
}

async function play(podCase: PodCase, world: PodWorld): Promise<void> {
  try {
    await world.create(podCase);
    await world.see(podCase.want);
    for (const { act, want } of podCase.then ?? []) {
      await act(world);
      await world.see(want);
    }
  } finally {
    await world.abandon();
  }
}

async function startNode(target: RuntimeTarget) {
  const opened = await target.open();
  const { image, runtime } = opened;
  const nodeName = 'node-1';
  const clock = new SystemClock();
  const rootDir = await mkdtemp(join(tmpdir(), 'keelson-pods-'));
  const api = await startTestApiServer();
  const client = createClient(api.transport);
  const informers = new InformerFactory({ client, clock, logger });
  const events = new EventRecorder({ client, clock, logger, component: 'kubelet', host: nodeName });
  const pods = informers.for(Pod, { fieldSelector: `spec.nodeName=${nodeName}` });
  const services = informers.for(Service);
  const kubelet = new Kubelet(
    { client, clock, logger, events, runtime, pods, services },
    { nodeName, rootDir, serving: false, maxPods: 500, capacity: CAPACITY, clusterDns: ['10.96.0.10'] },
  );
  await informers.start(AbortSignal.timeout(UP_MS));
  await kubelet.start(AbortSignal.timeout(UP_MS));
  const node: NodeUnderTest = { client, kubelet, runtime, nodeName, image };
  const close = async (): Promise<void> => {
    try {
      await nothingIsLeft(node, rootDir);
    } finally {
      await kubelet.stop();
      await events.stop();
      await informers.stop();
      await api.close();
      await opened[Symbol.asyncDispose]();
      for (const path of [rootDir, HOST_DIRECTORY]) await rm(path, { recursive: true, force: true });
    }
  };
  return { node, rootDir, [Symbol.asyncDispose]: close };
}

const CAPACITY = { cpu: '64', memory: '64Gi', 'ephemeral-storage': '100Gi' };

/** All pods are deleted by now: neither containers nor mounts may stay. */
async function nothingIsLeft({ client, runtime }: NodeUnderTest, rootDir: string): Promise<void> {
  const endMs = Date.now() + LEFT_MS;
  for (const { metadata } of (await client.resource(Pod).list({})).items) {
    await client.resource(Pod).delete({ name: metadata?.name ?? '', namespace: metadata?.namespace }, { gracePeriodSeconds: 0 });
  }
  for (;;) {
    const containers = await runtime.listContainers();
    const sandboxes = await runtime.listSandboxes();
    const mounts = (await readFile('/proc/self/mounts', 'utf8').catch(() => ''))
      .split('\n')
      .filter((line) => line.includes(rootDir));
    const left = [...containers.map(({ pod, name }) => `${pod.namespace}/${name}`), ...sandboxes.map(({ pod }) => pod.namespace)];
    if (left.length + mounts.length === 0) return;
    if (Date.now() > endMs) expect({ left, mounts }).toEqual({ left: [], mounts: [] });
    await sleep(200);
  }
}
