import type { PersistentVolume, Pod } from '@keelson/api/core/v1';
import { array, assert, boolean, constantFrom, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NodeGraph } from './node-graph.ts';
import { configMapNames, secretNames, secretsOfPersistentVolume, type Reference } from './references.ts';

const pod = (name: string, node: string, spec: object = {}, more: object = {}): Pod => ({
  metadata: { name, namespace: 'ns', uid: `uid of ${name}`, ...more },
  spec: { nodeName: node, containers: [], ...spec },
});
const claimed = (claimName: string): object => ({ volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }] });
const volume = (name: string, claim: string, secret: string): PersistentVolume => ({
  metadata: { name },
  spec: {
    claimRef: { namespace: 'ns', name: claim },
    csi: { driver: 'd', volumeHandle: 'h', nodePublishSecretRef: { namespace: 'vault', name: secret } },
  },
});

describe('what a node has to do with', () => {
  it('comes with a pod and goes with the last one that refers to it', () => {
    const graph = new NodeGraph();
    const spec = { imagePullSecrets: [{ name: 's' }] };
    graph.putPod(pod('a', 'n1', spec));
    graph.putPod(pod('b', 'n1', spec));

    graph.dropPod('ns/a');
    const before = [graph.has('n1', 'secrets/ns/s'), graph.has('n1', 'pods/ns/a'), graph.has('n2', 'secrets/ns/s')];
    graph.dropPod('ns/b');

    expect(before).toEqual([true, false, false]);
    expect(graph.has('n1', 'secrets/ns/s')).toBe(false);
  });

  it('is the volume of a claim and what the volume needs, in whichever order they come', () => {
    const graph = new NodeGraph();
    const has = (): boolean[] =>
      (['persistentvolumes//pv', 'secrets/vault/s'] as const).map((reference) => graph.has('n1', reference));
    graph.putVolume(volume('pv', 'c', 's'));
    const alone = has();
    graph.putPod(pod('a', 'n1', claimed('c')));
    const both = has();
    graph.putVolume(volume('pv', 'other', 's'));

    expect([alone, both, has()]).toEqual([
      [false, false],
      [true, true],
      [false, false],
    ]);
  });

  it('is another pod of the same name with other needs', () => {
    const graph = new NodeGraph();
    graph.putPod(pod('a', 'n1', claimed('old')));

    graph.putPod(pod('a', 'n2', claimed('new'), { uid: 'another' }));

    expect(graph.has('n1', 'persistentvolumeclaims/ns/old')).toBe(false);
    expect(graph.has('n2', 'persistentvolumeclaims/ns/new')).toBe(true);
  });

  it('grows by claims that are made, and by containers that come, while a pod runs', () => {
    const graph = new NodeGraph();
    const spec = { resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 't' }] };
    graph.putPod(pod('a', 'n1', spec));
    const status = { resourceClaimStatuses: [{ name: 'gpu', resourceClaimName: 'a-gpu-x' }] };
    const debug = { name: 'd', envFrom: [{ secretRef: { name: 'debug' } }] };

    graph.putPod({ ...pod('a', 'n1', { ...spec, ephemeralContainers: [debug] }), status });

    expect(graph.has('n1', 'resourceclaims/ns/a-gpu-x')).toBe(true);
    expect(graph.has('n1', 'secrets/ns/debug')).toBe(true);
  });

  it('is nothing that a mirror pod names, since the node itself makes those', () => {
    const graph = new NodeGraph();
    const annotations = { 'kubernetes.io/config.mirror': 'x' };
    graph.putPod(pod('a', 'n1', { imagePullSecrets: [{ name: 's' }], serviceAccountName: 'admin' }, { annotations }));

    expect(graph.has('n1', 'pods/ns/a')).toBe(true);
    expect(graph.has('n1', 'secrets/ns/s') || graph.has('n1', 'serviceaccounts/ns/admin')).toBe(false);
  });

  it('is the same however it came to be', () => {
    const name = constantFrom('a', 'b', 'c');
    const step = record({
      what: constantFrom('pod', 'volume'),
      isGone: boolean(),
      name,
      of: name,
      node: constantFrom('n1', 'n2'),
    });
    const every = ['a', 'b', 'c'].flatMap((each): Reference[] => [
      `pods/ns/${each}`,
      `persistentvolumeclaims/ns/${each}`,
      `persistentvolumes//${each}`,
      `secrets/vault/${each}`,
    ]);
    const all = (graph: NodeGraph) => ['n1', 'n2'].map((node) => every.filter((each) => graph.has(node, each)));

    assert(
      property(array(step, { maxLength: 40 }), (steps) => {
        const [graph, fresh] = [new NodeGraph(), new NodeGraph()];
        const left = new Map<string, () => void>();
        steps.forEach(({ what, isGone, name: called, of, node }, at) => {
          const isPod = what === 'pod';
          const putPod = (into: NodeGraph) => into.putPod(pod(called, node, claimed(of), { uid: `${at}` }));
          const putVolume = (into: NodeGraph) => into.putVolume(volume(called, of, of));
          const put = isPod ? putPod : putVolume;
          left.delete(what + called);
          if (!isGone) left.set(what + called, () => put(fresh));
          if (!isGone) put(graph);
          else if (isPod) graph.dropPod(`ns/${called}`);
          else graph.dropVolume(called);
        });
        left.forEach((again) => again());

        expect(all(graph)).toEqual(all(fresh));
        expect([new Set(graph.podKeys), new Set(graph.volumeNames)]).toEqual([
          new Set(fresh.podKeys),
          new Set(fresh.volumeNames),
        ]);
      }),
    );
  });
});

describe('what a pod refers to', () => {
  const secretRef = { name: 's' };

  it.each<[title: string, spec: object]>([
    ['imagePullSecrets', { imagePullSecrets: [secretRef] }],
    ['a variable', { containers: [{ name: 'c', env: [{ name: 'V', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] }] }],
    ['variables of an init container', { initContainers: [{ name: 'c', envFrom: [{ secretRef }] }] }],
    ['a volume', { volumes: [{ name: 'v', secret: { secretName: 's' } }] }],
    ['a projected volume', { volumes: [{ name: 'v', projected: { sources: [{ secret: { name: 's' } }] } }] }],
    ['azureFile', { volumes: [{ name: 'v', azureFile: { secretName: 's', shareName: 'x' } }] }],
    ['csi', { volumes: [{ name: 'v', csi: { driver: 'd', nodePublishSecretRef: secretRef } }] }],
    ...['cephfs', 'cinder', 'flexVolume', 'rbd', 'scaleIO', 'iscsi', 'storageos'].map(
      (source) => [source, { volumes: [{ name: 'v', [source]: { secretRef } }] }] satisfies [string, object],
    ),
  ])('a Secret of %s', (_title, spec) => {
    expect(secretNames(pod('a', 'n1', spec))).toEqual(['s']);
  });

  it.each<[title: string, spec: object]>([
    [
      'a variable',
      { containers: [{ name: 'c', env: [{ name: 'V', valueFrom: { configMapKeyRef: { name: 'm', key: 'k' } } }] }] },
    ],
    ['variables', { containers: [{ name: 'c', envFrom: [{ configMapRef: { name: 'm' } }] }] }],
    ['a volume', { volumes: [{ name: 'v', configMap: { name: 'm' } }] }],
    ['a projected volume', { volumes: [{ name: 'v', projected: { sources: [{ configMap: { name: 'm' } }] } }] }],
  ])('a ConfigMap of %s', (_title, spec) => {
    expect(configMapNames(pod('a', 'n1', spec))).toEqual(['m']);
  });
});

describe('the Secrets of a PersistentVolume', () => {
  const of = (source: object) => secretsOfPersistentVolume({ spec: { claimRef: { namespace: 'ns', name: 'c' }, ...source } });

  it('are in the namespace of the claim, unless they name one', () => {
    expect(of({ rbd: { secretRef: { name: 's' } } })).toEqual(['secrets/ns/s']);
    expect(of({ azureFile: { secretName: 's', secretNamespace: 'vault' } })).toEqual(['secrets/vault/s']);
  });

  it('are not those that only controllers use', () => {
    const csi = { driver: 'd', volumeHandle: 'h', controllerPublishSecretRef: { name: 'c' }, nodeStageSecretRef: { name: 's' } };

    expect(of({ csi })).toEqual(['secrets/ns/s']);
  });
});
