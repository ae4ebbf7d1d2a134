import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '@keelson/base';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineClient } from './engine/engine-client.ts';
import type { ExecInspect } from './engine/engine-types.ts';
import { killExec } from './exec-kill.ts';

const NOT_STARTED: ExecInspect = { Running: false, ExitCode: null, Pid: 0, ContainerID: 'c' };
/** Each line of a process's cgroups has one. */
const ANY_CONTAINER = ':';

describe.skipIf(process.platform !== 'linux')('killing a command', () => {
  const directory = mkdtempSync(join(tmpdir(), 'exec-kill-'));
  const path = join(directory, 'docker.sock');
  let server: Server;
  let engine: EngineClient;
  /** What the engine says, one after the other, and the last of it from then on. */
  let says: (ExecInspect | undefined)[];
  let asked: number;

  beforeEach(async () => {
    asked = 0;
    server = createServer(({ url }, response) => {
      if (url === '/version') return void response.end(JSON.stringify({ ApiVersion: '1.52', MinAPIVersion: '1.24' }));
      asked += 1;
      const exec = says.length > 1 ? says.shift() : says[0];
      return void response.writeHead(exec ? 200 : 404).end(JSON.stringify(exec ?? { message: 'No such exec instance' }));
    });
    await once(server.listen(path), 'listening');
    engine = new EngineClient({ type: 'unix', path });
  });
  afterAll(() => rmSync(directory, { recursive: true }));
  afterEach(async () => {
    engine.close();
    server.close().closeAllConnections();
    await once(server, 'close');
    rmSync(path, { force: true });
  });

  const kill = () => killExec({ engine, clock: new SystemClock() }, 'e', new AbortController().signal);

  it('waits for the engine to start it', async () => {
    const child = spawn('sleep', ['1000']);
    const ended = once(child, 'exit');
    says = [NOT_STARTED, NOT_STARTED, { ...NOT_STARTED, Running: true, Pid: child.pid ?? 0, ContainerID: ANY_CONTAINER }];

    await kill();

    expect(await ended).toEqual([null, 'SIGKILL']);
  });

  it('leaves alone a process that is not of the container', async () => {
    const child = spawn('sleep', ['1000']);
    says = [{ ...NOT_STARTED, Running: true, Pid: child.pid ?? 0, ContainerID: 'another' }];

    await kill();

    expect(child.kill('SIGTERM')).toBe(true);
    expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
  });

  it.each([
    { title: 'that has ended', exec: { ...NOT_STARTED, ExitCode: 0, Pid: process.pid, ContainerID: ANY_CONTAINER } },
    { title: 'whose container is gone', exec: undefined },
  ])('has nothing to do for one $title', async ({ exec }) => {
    says = [exec];

    await kill();

    expect(asked).toBe(1);
  });
});
