import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import type { PullCredentials } from '@keelson/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ImageStore } from '../images/image-store.ts';
import { layerOf } from '../testing/test-images.ts';
import { TestRegistry, type TestRegistryOptions } from '../testing/test-registry.ts';
import { pullImage } from './pull.ts';

const isRoot = process.geteuid?.() === 0;
const ME: PullCredentials = { username: 'me', password: 'secret', serverAddress: '' };

describe.skipIf(!isRoot)(`pullImage${isRoot ? '' : ' (LEFT OUT: files of others need root)'}`, () => {
  let directory: string;
  let store: ImageStore;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'pull-'));
    store = new ImageStore(directory);
  });
  afterEach(() => rm(directory, { recursive: true }));

  async function setUp(options: TestRegistryOptions = {}) {
    const registry = await TestRegistry.start(options);
    const base = await layerOf([{ name: 'etc/conf', content: 'pulled' }]);
    const digest = registry.add('team/app', 'v1', [base]);
    return { registry, base, digest, name: `${registry.host}/team/app` };
  }

  it.each([
    { title: 'that asks nothing', options: {}, credentials: undefined },
    { title: 'that asks for a password', options: { auth: 'basic' as const }, credentials: ME },
    { title: 'that asks for a token', options: { auth: 'bearer' as const }, credentials: ME },
  ])('takes the image for this machine from a registry $title', async ({ options, credentials }) => {
    const { registry, digest, name } = await setUp(options);
    await using _registry = registry;

    const image = await pullImage(store, `${name}:v1`, credentials);

    expect(image).toMatchObject({ repoTags: [`${name}:v1`], repoDigests: [`${name}@${digest}`], config: { User: '1000' } });
    expect(await readFile(join(store.treeOf(image), 'etc/conf'), 'utf8')).toBe('pulled');
    expect(await store.find(`${name}@${digest}`)).toMatchObject({ id: image.id });
  });

  it('takes an image by its digest', async () => {
    const { registry, digest, name } = await setUp();
    await using _registry = registry;

    const image = await pullImage(store, `${name}@${digest}`, undefined);

    expect(image).toMatchObject({ repoTags: [], repoDigests: [`${name}@${digest}`] });
  });

  it('fetches only the layers that are not there', async () => {
    const { registry, base, name } = await setUp();
    await using _registry = registry;
    await pullImage(store, `${name}:v1`, undefined);
    registry.add('team/app', 'v2', [base, await layerOf([{ name: 'more', content: 'more' }])]);
    const before = registry.asked.filter((path) => path.startsWith('/storage/')).length;

    await pullImage(store, `${name}:v2`, undefined);

    // The configuration, and the second layer.
    expect(registry.asked.filter((path) => path.startsWith('/storage/')).length - before).toBe(2);
  });

  it('says so if there is no such image, or no such registry', async () => {
    const { registry, name } = await setUp();
    const host = registry.host;
    await expect(pullImage(store, `${name}:v9`, undefined)).rejects.toMatchObject({
      reason: 'NotFound',
      message: expect.stringContaining('manifest unknown'),
    });
    await registry[Symbol.asyncDispose]();

    await expect(pullImage(store, `${host}/team/app:v1`, undefined)).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
  });

  it.each(['basic', 'bearer'] as const)('says so if the registry does not let us (%s)', async (auth) => {
    const { registry, name } = await setUp({ auth });
    await using _registry = registry;
    const wrong = { ...ME, password: 'wrong' };

    await expect(pullImage(store, `${name}:v1`, undefined)).rejects.toMatchObject({ reason: 'Forbidden' });
    await expect(pullImage(store, `${name}:v1`, wrong)).rejects.toMatchObject({ reason: 'Forbidden' });
  });

  it('believes no content that is not what its digest says', async () => {
    const { registry, name } = await setUp();
    await using _registry = registry;
    registry.spoilBlobs();

    await expect(pullImage(store, `${name}:v1`, undefined)).rejects.toThrow('The registry gave blob');
    expect(await store.list()).toEqual([]);
  });

  it('reads no more of a manifest than manifests may have', async () => {
    const zeros = Readable.from(Array.from({ length: 64 }, () => Buffer.alloc(1024 * 1024, '0')));
    const long = createServer((_request, response) => pipeline(zeros, response, () => undefined));
    long.listen(0, '127.0.0.1');
    await once(long, 'listening');
    const { port } = long.address() as AddressInfo;

    try {
      await expect(pullImage(store, `127.0.0.1:${port}/team/app:v1`, undefined)).rejects.toThrow(/larger than 4194304 bytes/);
    } finally {
      long.closeAllConnections();
      long.close();
    }
  });

  it('stops when it is told to', async () => {
    const { registry, name } = await setUp();
    await using _registry = registry;

    await expect(pullImage(store, `${name}:v1`, undefined, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });
});
