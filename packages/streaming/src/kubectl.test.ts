import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { PodServer } from './testing/pod-server.ts';
import { PlayedProcess } from './testing/stream-server.ts';

/** Several versions at a time: `KEELSON_KUBECTL=/opt/1.20/kubectl:/opt/1.35/kubectl`. */
const WANTED = (process.env['KEELSON_KUBECTL'] ?? 'kubectl').split(':');
const KUBECTLS = WANTED.filter((file) => spawnSync(file, ['version', '--client']).status === 0);
const HAS_SCRIPT = spawnSync('script', ['--version']).status === 0;
const BIG = randomBytes(8 << 20);

if (KUBECTLS.length === 0) {
  it.skip('kubectl LEFT OUT: none on the PATH, and KEELSON_KUBECTL names none that runs', () => undefined);
}

describe.each(KUBECTLS)('with %s', (kubectl) => {
  let home: string;
  beforeAll(() => void (home = mkdtempSync(join(tmpdir(), 'keelson-kubectl-'))));
  afterAll(() => rmSync(home, { recursive: true }));

  function words(server: PodServer, args: readonly string[]): string[] {
    return [kubectl, '--kubeconfig=/dev/null', `--server=${server.url}`, ...args];
  }

  function start([file = '', ...args]: readonly string[]): ChildProcessWithoutNullStreams {
    const child = spawn(file, args, { env: { ...process.env, HOME: home } });
    child.stdin.on('error', () => undefined);
    onTestFinished(() => void (child.exitCode ?? child.kill('SIGKILL')));
    return child;
  }

  async function run(server: PodServer, args: readonly string[], input: Uint8Array = new Uint8Array()) {
    const child = start(words(server, args));
    child.stdin.end(input);
    const [stdout, stderr] = await Promise.all([buffer(child.stdout), text(child.stderr), once(child, 'close')]);
    return { code: child.exitCode, stdout, stderr };
  }

  it('gives both outputs and the exit code', async () => {
    await using server = await PodServer.serve();

    const { code, stdout, stderr } = await run(server, ['exec', 'web', '--', 'sh', '-c', 'echo out; echo err >&2; exit 42']);

    expect([code, stdout.toString()]).toEqual([42, 'out\n']);
    expect(stderr).toMatch(/^err\n.*exit code 42\n$/s);
  });

  it('carries megabytes there and back, and ends the input', async () => {
    await using server = await PodServer.serve();

    const { code, stdout } = await run(server, ['exec', '-i', 'web', '--', 'cat'], BIG);

    expect([code, hash(stdout)]).toEqual([0, hash(BIG)]);
  });

  it('does not wait for input that the command leaves unread', async () => {
    await using server = await PodServer.serve();

    const { code } = await run(server, ['exec', '-i', 'web', '--', 'sh', '-c', 'exit 4'], BIG);

    expect(code).toBe(4);
  });

  it('says why a command could not be run', async () => {
    await using server = await PodServer.serve();

    const { code, stderr } = await run(server, ['exec', 'web', '--', '/no/such/file']);

    expect(code).toBe(1);
    expect(stderr).toContain('ENOENT');
  });

  it('ends the command when it is killed', async () => {
    await using server = await PodServer.serve();
    const child = start(words(server, ['exec', 'web', '--', 'sh', '-c', 'echo up; exec sleep 1000']));
    await once(child.stdout, 'data');

    child.kill('SIGKILL');

    await expect.poll(() => server.ended).toEqual(['SIGKILL']);
  });

  it('copies files in and out', async () => {
    await using server = await PodServer.serve();
    const [from, inside, back] = ['from', 'inside', 'back'].map((name) => join(home, name)) as [string, string, string];
    mkdirSync(inside);
    writeFileSync(from, BIG);

    const there = await run(server, ['cp', from, `web:${inside}/file`]);
    const andBack = await run(server, ['cp', `web:${inside}`, back]);

    expect([there.code, andBack.code]).toEqual([0, 0]);
    expect(hash(readFileSync(join(back, 'file')))).toBe(hash(BIG));
  });

  it('attaches to a process that runs', async () => {
    const played = new PlayedProcess();
    await using server = await PodServer.serve({ played: await played.command().open() });
    const child = start(words(server, ['attach', '-i', 'web']));

    child.stdin.write('question');
    await once(played.stdin, 'data');
    played.stdout.write('answer\n');
    const [answer] = (await once(child.stdout, 'data')) as [Buffer];
    played.exit(0);
    await once(child, 'close');

    expect([answer.toString(), child.exitCode]).toEqual(['answer\n', 0]);
  });

  it.skipIf(!HAS_SCRIPT)('tells the size of a terminal (needs util-linux script)', async () => {
    const played = new PlayedProcess();
    await using server = await PodServer.serve({ played: await played.command({ tty: true }).open() });
    const command = words(server, ['exec', '-it', 'web', '--', 'top']).join(' ');
    const child = start(['script', '-qec', `stty cols 132 rows 43; ${command}`, '/dev/null']);

    await expect.poll(() => played.sizes).toContain('132x43');
    played.exit(5);
    await once(child, 'close');

    expect(child.exitCode).toBe(5);
  });

  it('falls back to SPDY where there is no WebSocket', async () => {
    await using server = await PodServer.serve({ refuseWebSocket: true });

    const { code } = await run(server, ['exec', '-i', 'web', '--', 'sh', '-c', 'cat; exit 6'], Buffer.from('x'));

    expect([code, server.upgrades.at(-1)]).toEqual([6, 'SPDY/3.1 exec']);
  });

  it('forwards a port for several connections', async () => {
    await using server = await PodServer.serve();
    const echo = createServer((socket) => void socket.pipe(socket)).listen(0, '127.0.0.1');
    onTestFinished(() => void echo.close());
    await once(echo, 'listening');
    const child = start(words(server, ['port-forward', 'web', `:${(echo.address() as AddressInfo).port}`]));
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const port = Number(/:(\d+) ->/.exec(line)?.[1]);
    const roundTrip = async (): Promise<string> => {
      const socket = connect(port, '127.0.0.1');
      socket.end(BIG);
      return hash(await buffer(socket));
    };

    const hashes = await Promise.all([roundTrip(), roundTrip(), roundTrip()]);

    expect(hashes).toEqual([hash(BIG), hash(BIG), hash(BIG)]);
  });
});

function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
