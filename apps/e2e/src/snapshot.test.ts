import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigMap } from '@keelson/api/core/v1';
import { createClient, httpsTransport, loadKubeconfig } from '@keelson/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEELSON, Keelson } from './testing/keelson.ts';
import { must, run, start } from './testing/run.ts';

const [node, main] = KEELSON;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keelson-snapshot-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const snapshot = (...args: string[]): Promise<string> => must(node, [main, 'snapshot', ...args]);

describe('keelson snapshot', () => {
  it('saves the store of a running cluster, and restores it so that no resource version comes twice', async () => {
    const dataDir = join(directory, 'data');
    const file = join(directory, 'snap');
    const up = (): Promise<Keelson> => Keelson.up(start, ['--runtime', 'sim', '--port', '0', '--data-dir', dataDir]);
    const first = await up();
    const before = createClient(httpsTransport(loadKubeconfig(first.kubeconfig))).resource(ConfigMap);
    const kept = await before.create({ metadata: { name: 'kept', namespace: 'default' }, data: { is: 'kept' } });
    const saved = await snapshot('save', file, '--data-dir', dataDir);
    const lost = await before.create({ metadata: { name: 'lost', namespace: 'default' } });
    const early = await run(node, [main, 'snapshot', 'restore', file, '--data-dir', dataDir]);
    await first.stop('SIGKILL');
    await rename(join(dataDir, 'store'), join(directory, 'old'));

    const restored = await snapshot('restore', file, '--data-dir', dataDir);
    const second = await up();
    const after = createClient(httpsTransport(loadKubeconfig(second.kubeconfig))).resource(ConfigMap);
    const found = await after.get({ name: 'kept', namespace: 'default' });
    const next = await after.create({ metadata: { name: 'next', namespace: 'default' } });

    expect(saved).toMatch(/^saved .*\nSHA-256 +REVISION +KEYS +SIZE\n[0-9a-f]{64} +\d+ +\d+ +\d+ B\n$/);
    expect(saved.endsWith(await snapshot('status', file))).toBe(true);
    expect(early).toMatchObject({ code: 1, stderr: expect.stringContaining('has it open') });
    expect(restored).toMatch(/^restored .* at revision 1\d{9}\n$/);
    expect(found).toMatchObject({ metadata: { uid: kept.metadata?.uid, resourceVersion: kept.metadata?.resourceVersion } });
    await expect(after.get({ name: 'lost', namespace: 'default' })).rejects.toMatchObject({ reason: 'NotFound' });
    expect(Number(next.metadata?.resourceVersion)).toBeGreaterThan(Number(lost.metadata?.resourceVersion));
    expect(await second.stop()).toBe(0);
  });
});
