import { once } from 'node:events';
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '@keelson/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { STOP_POD_SANDBOX } from './api/methods.ts';
import { CriClient } from './cri-client.ts';

const STUMBLES = { 'grpc-status': '2', 'grpc-message': 'failed to kill container "c": ttrpc: closed: unknown' };
const FINE = { 'grpc-status': '0' };

describe('a call that ends something', () => {
  const server = createServer();
  const sessions = new Set<ServerHttp2Session>();
  const clock = new ManualClock();
  /** One answer for each call, the last of them for all that follow. */
  let answers: Record<string, string>[];
  let calls: number;
  let directory: string;
  let client: CriClient;

  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream: ServerHttp2Stream) => {
    calls += 1;
    const trailers = answers.length > 1 ? answers.shift() : answers[0];
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers ?? {}));
    // A message without fields.
    stream.end(Buffer.alloc(5));
  });

  beforeEach(async () => {
    calls = 0;
    directory = await mkdtemp(join(tmpdir(), 'cri-client-'));
    await once(server.listen(join(directory, 's')), 'listening');
    client = new CriClient({ endpoint: `unix://${join(directory, 's')}`, clock, timeoutMs: 60_000 });
  });
  afterEach(async () => {
    client[Symbol.dispose]();
    for (const session of sessions) session.destroy();
    await new Promise((resolve) => server.close(resolve));
    await rm(directory, { recursive: true });
  });

  /** Time passes until it is over. */
  async function end(): Promise<unknown> {
    let isOver = false;
    const outcome = client
      .end(STOP_POD_SANDBOX, { id: 's' })
      .catch((error: unknown) => error)
      .finally(() => (isOver = true));
    await expect.poll(() => clock.advance(100).then(() => isOver)).toBe(true);
    return outcome;
  }

  it('is made again where the runtime stumbles over what ends by itself', async () => {
    answers = [STUMBLES, STUMBLES, FINE];

    expect(await end()).toBeUndefined();

    expect(calls).toBe(3);
  });

  it('fails with the words of a runtime that fails all the time', async () => {
    answers = [STUMBLES];

    expect(await end()).toMatchObject({ reason: 'InternalError', message: STUMBLES['grpc-message'] });

    expect(calls).toBeGreaterThan(3);
  });

  it('is made once where there is nothing to end', async () => {
    answers = [{ 'grpc-status': '5', 'grpc-message': 'not found' }];

    expect(await end()).toMatchObject({ reason: 'NotFound' });

    expect(calls).toBe(1);
  });
});
