import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEELSON, Keelson } from './testing/keelson.ts';
import { kubectlPath, Machine, withoutRoot } from './testing/lab.ts';
import { eventually } from './testing/run.ts';

const title = 'keelson up on Docker, ended and started again';
const POD = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'long' },
  spec: {
    containers: [{ name: 'c', image: 'keelson/busybox:1', command: ['sh', '-c', 'trap "exit 0" TERM; sleep 100000 & wait'] }],
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
  const status = (path: string, name = 'long'): Promise<string> =>
    kubectl(['get', 'pod', name, '-o', `jsonpath={.status.containerStatuses[0].${path}}`]);
  const containers = async (): Promise<readonly string[]> =>
    (await machine.must('docker', ['ps', '-q', '--no-trunc'])).trim().split('\n').filter(Boolean).toSorted();

  beforeAll(async () => {
    [machine, kubectlFile] = await Promise.all([Machine.up('restart'), kubectlPath('1.35')]);
    dataDir = await mkdtemp(join(tmpdir(), 'keelson-e2e-'));
    await up();
    await eventually('the default service account', async () => (await kubectl(['get', 'sa', 'default', '-o', 'name'])) !== '');
    await kubectl(['create', '-f', '-'], JSON.stringify(POD));
    await eventually('a running pod', async () => (await status('ready')) === 'true').catch(async (error: unknown) => {
      throw new Error(`${await kubectl(['describe', 'pod', 'long'])}${keelson.log.join('\n')}`, { cause: error });
    });
  });

  afterAll(async () => {
    await keelson?.stop();
    await machine?.[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('leaves containers running at SIGTERM, and takes them up again as they are', async () => {
    const before = await containers();
    const id = await status('containerID');

    expect(await keelson.stop('SIGTERM')).toBe(0);
    expect(await containers()).toEqual(before);
    await up();

    await eventually('the node to report', async () => (await kubectl(['get', 'node', 'node-1'])).includes(' Ready'));
    expect([await status('containerID'), await status('restartCount'), await status('ready')]).toEqual([id, '0', 'true']);
    expect(await containers()).toEqual(before);
  });

  it('does so after kill -9, and notices what happened meanwhile', async () => {
    const id = (await status('containerID')).replace('docker://', '');

    await keelson.stop('SIGKILL');
    await machine.must('docker', ['kill', id]);
    await up();

    await eventually('a new container', async () => (await status('restartCount')) === '1' && (await status('ready')) === 'true');
    expect(await status('lastState.terminated.exitCode')).toBe('137');
  });

  it('goes on when Docker is gone and back', async () => {
    const id = await status('containerID');

    await machine.docker('kill');
    await eventually('a node that is not ready', async () => (await kubectl(['get', 'node', 'node-1'])).includes('NotReady'), {
      timeoutMs: 300_000,
    });
    await machine.docker('up');

    await eventually('a node that is ready', async () => /node-1 +Ready /.test(await kubectl(['get', 'node', 'node-1'])), {
      timeoutMs: 300_000,
    });
    expect([await status('containerID'), await status('ready')]).toEqual([id, 'true']);
  });

  it('says what is wrong with a pod whose image is missing, or whose container crashes', async () => {
    await kubectl(['run', 'missing', '--image=keelson/nothing:1', '--image-pull-policy=Never']);
    await kubectl(['run', 'unknown', '--image=127.0.0.1:1/nothing:1']);
    await kubectl(['run', 'crash', '--image=keelson/busybox:1', '--command', '--', 'sh', '-c', 'echo broken; exit 3']);

    await eventually('ErrImageNeverPull', async () => (await status('state.waiting.reason', 'missing')) === 'ErrImageNeverPull');
    const reasons = new Set<string>();
    await eventually('ErrImagePull and ImagePullBackOff', async () => {
      reasons.add(await status('state.waiting.reason', 'unknown'));
      return reasons.has('ErrImagePull') && reasons.has('ImagePullBackOff');
    });
    await eventually('CrashLoopBackOff', async () => (await status('state.waiting.reason', 'crash')) === 'CrashLoopBackOff');
    expect(await status('lastState.terminated.exitCode', 'crash')).toBe('3');
    expect(await kubectl(['logs', 'crash'])).toBe('broken\n');
    expect(await kubectl(['describe', 'pod', 'crash'])).toMatch(/Warning +BackOff .*Back-off restarting failed container/);
    await kubectl(['delete', 'pod', 'missing', 'unknown', 'crash', '--grace-period=0', '--force']);
  });

  it('is removed by keelson reset, with its containers and data, but not while it runs', async () => {
    const [node, main] = KEELSON;
    const refused = await machine.run(node, [main, 'reset', '--data-dir', dataDir]);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/^keelson: .* has it open\n$/)]);

    await keelson.stop();
    await machine.must(node, [main, 'reset', '--data-dir', dataDir]);

    expect(await machine.must('docker', ['ps', '-aq'])).toBe('');
    expect(existsSync(dataDir)).toBe(false);
    expect(await machine.must('ip', ['-o', 'addr', 'show', 'dev', 'lo'])).not.toContain('10.96.');
  });
});
