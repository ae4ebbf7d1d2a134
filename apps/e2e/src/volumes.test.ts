import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEELSON, Keelson } from './testing/keelson.ts';
import { kubectlPath, Machine, withoutRoot } from './testing/lab.ts';
import { eventually } from './testing/run.ts';

const title = 'volumes of keelson up on Docker';

const TEMPLATE = {
  metadata: { labels: { app: 'db' } },
  spec: {
    terminationGracePeriodSeconds: 1,
    securityContext: { runAsUser: 1000, fsGroup: 2000 },
    volumes: [
      { name: 'scratch', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
      { name: 'settings', configMap: { name: 'settings', defaultMode: 0o440 } },
    ],
    containers: [
      {
        name: 'db',
        image: 'keelson/busybox:1',
        command: ['sh', '-c', 'echo $POD >> /data/starts; echo $POD >> /logs/starts; trap "exit 0" TERM; sleep 100000 & wait'],
        env: [{ name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
        volumeMounts: [
          { name: 'data', mountPath: '/data' },
          { name: 'data', mountPath: '/logs', subPathExpr: 'logs-$(POD)' },
          { name: 'settings', mountPath: '/etc/one-setting', subPath: 'color' },
          { name: 'settings', mountPath: '/etc/settings' },
          { name: 'scratch', mountPath: '/scratch' },
        ],
      },
    ],
  },
};

const OBJECTS = [
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { color: 'blue' } },
  { apiVersion: 'v1', kind: 'Service', metadata: { name: 'db' }, spec: { clusterIP: 'None', selector: { app: 'db' } } },
  {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db' },
    spec: {
      replicas: 2,
      serviceName: 'db',
      selector: { matchLabels: { app: 'db' } },
      template: TEMPLATE,
      volumeClaimTemplates: [
        { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Mi' } } } },
      ],
    },
  },
];

/** Finds a link in a volume that leads out of it. */
const THIEF = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'thief' },
  spec: {
    terminationGracePeriodSeconds: 0,
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data-db-0' } }],
    containers: [
      {
        name: 'c',
        image: 'keelson/busybox:1',
        command: ['sleep', '100000'],
        volumeMounts: [{ name: 'data', mountPath: '/stolen', subPath: 'way-out' }],
      },
    ],
  },
};

describe.skipIf(withoutRoot !== undefined)(withoutRoot === undefined ? title : `${title} (${withoutRoot})`, () => {
  let machine: Machine;
  let kubectlFile: string;
  let dataDir: string;
  let keelson: Keelson;

  const up = async (): Promise<Keelson> => {
    const flags = ['--runtime', 'docker', '--proxy-mode', 'userspace', '--data-dir', dataDir];
    return (keelson = await Keelson.up((...args) => machine.start(...args), flags));
  };
  const kubectl = (args: readonly string[], input?: string): Promise<string> =>
    machine.must(kubectlFile, ['--kubeconfig', keelson.kubeconfig, ...args], { ...(input !== undefined && { input }) });
  const apply = (...items: readonly object[]): Promise<string> =>
    kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  const inPod = async (script: string, pod = 'db-0'): Promise<string> =>
    (await kubectl(['exec', pod, '--', 'sh', '-c', script])).trim();
  /** By the pods themselves: the StatefulSet may not know yet that they are others. */
  const isReady = async (): Promise<boolean> => {
    const path = '{.items[*].status.conditions[?(@.type=="Ready")].status}';
    return (await kubectl(['get', 'pods', '-l', 'app=db', '-o', `jsonpath=${path}`])) === 'True True';
  };
  const mounts = async (): Promise<readonly string[]> =>
    (await machine.must('cat', ['/proc/mounts'])).split('\n').filter((line) => line.includes(`${dataDir}/kubelet`));
  /** With what is known, if it takes too long. */
  const ready = () =>
    eventually('a ready StatefulSet', isReady, { timeoutMs: 300_000 }).catch(async (error: unknown) => {
      throw new Error(`${await kubectl(['describe', 'pods,pvc'])}${keelson.log.slice(-40).join('\n')}`, { cause: error });
    });

  beforeAll(async () => {
    [machine, kubectlFile] = await Promise.all([Machine.up('volumes'), kubectlPath('1.35')]);
    dataDir = await mkdtemp(join(tmpdir(), 'keelson-e2e-'));
    await up();
    await apply(...OBJECTS);
    await ready();
  });

  afterAll(async () => {
    await keelson?.stop();
    const [node, main] = KEELSON;
    await machine?.run(node, [main, 'reset', '--data-dir', dataDir]);
    await machine?.[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('makes a volume for each claim of a StatefulSet, of the default class', async () => {
    const claims = await kubectl(['get', 'pvc', '--no-headers']);
    const volumes = await kubectl(['get', 'pv', '--no-headers']);

    expect(claims).toMatch(/^data-db-0 +Bound +pvc-\S+ +10Mi +RWO +local-path /m);
    expect(claims).toMatch(/^data-db-1 +Bound +pvc-\S+ +10Mi +RWO +local-path /m);
    expect(volumes.match(/10Mi +RWO +Delete +Bound +default\/data-db-\d +local-path/g)).toHaveLength(2);
    expect(await kubectl(['get', 'storageclass'])).toMatch(
      /local-path \(default\) +keelson.dev\/local-path +Delete +WaitForFirstConsumer/,
    );
  });

  it('gives the data to the group of the pod, and lets its user write', async () => {
    expect(await inPod('stat -c "%g %a" /data')).toBe('2000 2777');
    expect(await inPod('id -G')).toContain('2000');
    expect(await inPod('touch /data/mine && stat -c "%u %g" /data/mine')).toBe('1000 2000');
  });

  it('shows configuration with its modes, read only, and one key of it alone', async () => {
    expect(await inPod('cat /etc/settings/color /etc/one-setting')).toBe('blueblue');
    expect(await inPod('stat -L -c "%a %g" /etc/settings/color')).toBe('440 2000');
    expect(await inPod('readlink /etc/settings/color')).toBe('..data/color');
    expect(await inPod('echo x > /etc/settings/more; echo $?')).toContain('1');
  });

  it('keeps tokens and scratch space in memory, and limits the latter', async () => {
    const table = await inPod('cat /proc/mounts');

    expect(table).toMatch(/^tmpfs \/scratch tmpfs .*size=1024k/m);
    expect(table).toMatch(/^tmpfs \/var\/run\/secrets\/kubernetes.io\/serviceaccount tmpfs ro/m);
    expect(await inPod('dd if=/dev/zero of=/scratch/big bs=1k count=2000 2>&1 | grep -c "No space"; rm /scratch/big')).toBe('1');
    expect(await inPod('stat -L -c "%u %a" /var/run/secrets/kubernetes.io/serviceaccount/token')).toMatch(/^1000 6[04]0$/);
  });

  it('leads nobody out of a volume by a link', async () => {
    await inPod('ln -s / /data/way-out');
    await apply(THIEF);

    const message = await eventually('the refusal', async () => {
      const found = await kubectl(['get', 'pod', 'thief', '-o', 'jsonpath={.status.containerStatuses[0].state.waiting.message}']);
      return found.includes('subPath') && found;
    });

    expect(message).toContain('failed to prepare subPath for volumeMount "data" of container "c"');
    expect(message).toContain('leaves the volume through a symbolic link');
    await kubectl(['delete', 'pod', 'thief', '--now']);
  });

  it('keeps data when pods are deleted, and mounts when Keelson is killed', async () => {
    await kubectl(['delete', 'pod', 'db-0', 'db-1', '--now']);
    await ready();
    await eventually(
      'what was written before and after',
      async () => (await inPod('cat /data/starts /data/logs-db-0/starts')) === 'db-0\ndb-0\ndb-0\ndb-0',
    );
    const before = await mounts();

    await keelson.stop('SIGKILL');
    await up();
    await ready();

    await eventually('what db-1 wrote', async () => (await inPod('cat /logs/starts', 'db-1')) === 'db-1\ndb-1');
    expect(await mounts()).toEqual(before);
  });

  it('removes directories and mounts with pods and claims', async () => {
    await kubectl(['delete', 'statefulset', 'db']);
    await kubectl(['delete', 'pvc', '--all']);

    await eventually('no volume', async () => (await kubectl(['get', 'pv', '-o', 'name'])) === '');
    await eventually('no pod', async () => (await kubectl(['get', 'pods', '-o', 'name'])) === '');
    expect(await readdir(join(dataDir, 'volumes/node-1'))).toEqual([]);
    await eventually('no mount', async () => (await mounts()).length === 0);
  });

  it('leaves nothing behind after keelson reset', async () => {
    await apply({ ...THIEF, metadata: { name: 'left' }, spec: { ...TEMPLATE.spec, ...leftover() } });
    await eventually(
      'a running pod',
      async () => (await kubectl(['get', 'pod', 'left', '-o', 'jsonpath={.status.phase}'])) === 'Running',
    );
    expect(await mounts()).not.toEqual([]);
    await keelson.stop();

    const [node, main] = KEELSON;
    await machine.must(node, [main, 'reset', '--data-dir', dataDir]);

    expect(await mounts()).toEqual([]);
    expect(existsSync(dataDir)).toBe(false);
    expect(await readFile('/etc/passwd', 'utf8')).not.toBe('');
  });
});

/** A pod with a mounted emptyDir and a subPath of it. */
function leftover(): object {
  const [container] = TEMPLATE.spec.containers;
  const volumeMounts = [
    { name: 'scratch', mountPath: '/data' },
    { name: 'scratch', mountPath: '/logs', subPath: 'logs' },
  ];
  return { containers: [{ ...container, volumeMounts }] };
}
