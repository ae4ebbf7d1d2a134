import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SystemClock } from '@keelson/base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DockerRuntime } from './docker-runtime.ts';
import { loadImages } from './load-images.ts';
import { tar } from './pause/tar.ts';
import { BUSYBOX, BUSYBOX_ARCHIVE, noEngine, noPrivateEngine, testEngine, unless } from './testing/private-engine.ts';

const USER = 'ann';
const PASSWORD = 'let me in';

/** A registry that has `tiny`, under any tag; with a lock, for `ann` alone. Docker trusts registries on loopback. */
function registry({ isLocked }: { readonly isLocked: boolean }): Server {
  const layer = tar([{ name: 'hello', content: Buffer.from('hello\n'), mode: 0o644 }]);
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: { User: '1234' },
      rootfs: { type: 'layers', diff_ids: [digest(layer)] },
    }),
  );
  const type = 'application/vnd.docker.distribution.manifest.v2+json';
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: type,
      config: { mediaType: 'application/vnd.docker.container.image.v1+json', size: config.length, digest: digest(config) },
      layers: [{ mediaType: 'application/vnd.docker.image.rootfs.diff.tar', size: layer.length, digest: digest(layer) }],
    }),
  );
  const blobs = new Map([layer, config].map((blob) => [digest(blob), blob]));
  return createServer((request, response) => {
    const [, name = '', what = '', reference = ''] = /^\/v2\/([^/]+)\/(manifests|blobs)\/(.+)$/.exec(request.url ?? '') ?? [];
    const isAnn = request.headers.authorization === `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;
    const answer = (status: number, body: Buffer, headers: Record<string, string> = {}) =>
      void response.writeHead(status, { 'Content-Length': body.length, ...headers }).end(request.method === 'HEAD' ? '' : body);
    if (isLocked && !isAnn) {
      answer(401, errors('UNAUTHORIZED', 'authentication required'), { 'WWW-Authenticate': 'Basic realm="test"' });
    } else if (name === '') answer(200, Buffer.from('{}'));
    else if (what === 'blobs') answer(200, blobs.get(reference) ?? Buffer.alloc(0));
    else if (name === 'tiny') {
      answer(200, manifest, { 'Content-Type': type, 'Docker-Content-Digest': digest(manifest) });
    } else answer(404, errors('MANIFEST_UNKNOWN', 'manifest unknown'));
  });
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function errors(code: string, message: string): Buffer {
  return Buffer.from(JSON.stringify({ errors: [{ code, message }] }));
}

function digest(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

describe.skipIf(noEngine)(unless('DockerImages', noEngine), () => {
  let engine: { readonly host: string } & AsyncDisposable;
  let runtime: DockerRuntime;
  let servers: readonly Server[];
  let prefix: string;
  let lockedPrefix: string;

  beforeAll(async () => {
    engine = await testEngine();
    runtime = new DockerRuntime({ clock: new SystemClock(), host: engine.host });
    servers = [registry({ isLocked: false }), registry({ isLocked: true })];
    [prefix = '', lockedPrefix = ''] = await Promise.all(servers.map(listening));
  });
  afterAll(async () => {
    for (const server of servers) server.close().closeAllConnections();
    await runtime.close();
    await engine[Symbol.asyncDispose]();
  });

  it('pulls an image, and removes it', async () => {
    const reference = `${prefix}/tiny:1`;

    const image = await runtime.images.pull(reference, undefined);

    expect(image).toMatchObject({ repoTags: [reference], user: '1234' });
    expect(image.repoDigests).toEqual([expect.stringContaining(`${prefix}/tiny@sha256:`)]);
    await runtime.images.remove(reference);
    await runtime.images.remove(reference);
    expect(await runtime.images.find(reference)).toBeUndefined();
  });

  it.skipIf(noPrivateEngine)('takes images of a file in, and says what they are called', async () => {
    const broken = join(mkdtempSync(join(tmpdir(), 'docker-images-')), 'broken.tar');
    writeFileSync(broken, 'no archive');

    expect(await loadImages(BUSYBOX_ARCHIVE, engine.host)).toEqual([BUSYBOX]);
    await expect(loadImages(broken, engine.host)).rejects.toThrow();
    await expect(loadImages('/no/such/file', engine.host)).rejects.toMatchObject({ reason: 'NotFound' });
    rmSync(dirname(broken), { recursive: true });
  });

  it('says where they are on its machine', async () => {
    expect(await runtime.images.directory?.()).toMatch(/^\//);
  });

  it('takes the tag "latest" where there is none, and not all of them', async () => {
    const image = await runtime.images.pull(`${prefix}/tiny`, undefined);

    expect(image.repoTags).toEqual([`${prefix}/tiny:latest`]);
  });

  it('shows the credentials that it is given', async () => {
    const credentials = { username: USER, password: PASSWORD, serverAddress: lockedPrefix };

    const image = await runtime.images.pull(`${lockedPrefix}/tiny:1`, credentials);

    expect(image.repoTags).toContain(`${lockedPrefix}/tiny:1`);
  });

  it('says that an image may not be had', async () => {
    await expect(runtime.images.pull(`${lockedPrefix}/tiny:2`, undefined)).rejects.toMatchObject({ reason: 'Forbidden' });
  });

  it('says that there is no such image', async () => {
    await expect(runtime.images.pull(`${prefix}/nosuch:1`, undefined)).rejects.toMatchObject({
      reason: 'NotFound',
      message: expect.stringContaining('manifest unknown'),
    });
  });

  it('says that a registry does not answer', async () => {
    await expect(runtime.images.pull('127.0.0.1:1/tiny:1', undefined)).rejects.toMatchObject({
      reason: 'ServiceUnavailable',
      message: expect.stringMatching(/connection refused/),
    });
  });
});
