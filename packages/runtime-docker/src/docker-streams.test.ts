import { buffer, text } from 'node:stream/consumers';
import { SystemClock } from '@keelson/base';
import type { SandboxStatus } from '@keelson/runtime';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { DockerRuntime } from './docker-runtime.ts';
import { removePods } from './remove-pods.ts';
import { FOREVER, NODE, outputOf, runScript } from './testing/pods.ts';
import { noEngine, testEngine, unless } from './testing/private-engine.ts';

const WAIT = { timeout: 15_000, interval: 20 };
const NO_LOG_OPTIONS = { follow: false, timestamps: false };

describe.skipIf(noEngine)(unless('Streams of DockerRuntime', noEngine), () => {
  let engine: { readonly host: string } & AsyncDisposable;
  let runtime: DockerRuntime;
  /** A container that just runs, for commands. */
  let idle: string;
  let box: SandboxStatus;

  beforeAll(async () => {
    engine = await testEngine();
    runtime = new DockerRuntime({ clock: new SystemClock(), host: engine.host, cgroupRoot: `keelson-test-${process.pid}` });
    // Docker takes IPv6 away from networks that have none.
    const sysctls = { 'net.ipv6.conf.lo.disable_ipv6': '0' };
    ({ id: idle, sandbox: box } = await runScript(runtime, FOREVER, { sandbox: { sysctls } }));
  }, 120_000);
  afterAll(async () => {
    await removePods(runtime, [NODE]);
    await runtime.close();
    await engine[Symbol.asyncDispose]();
  }, 120_000);

  describe('exec', () => {
    it('carries input to its end, and both outputs apart', async () => {
      const session = await runtime.exec(idle, ['sh', '-c', 'cat; echo bad >&2; exit 6'], { stdin: true, tty: false });
      const outputs = Promise.all([text(session.stdout), text(session.stderr ?? session.stdout)]);

      session.stdin?.end('typed in');

      expect(await outputs).toEqual(['typed in', 'bad\n']);
      expect(await session.exitCode).toBe(6);
    });

    it('carries a lot', async () => {
      const session = await runtime.exec(idle, ['cat'], { stdin: true, tty: false });
      session.stderr?.resume();
      const sent = Buffer.alloc(4 * 1024 * 1024, 'a line of text\n');

      session.stdin?.end(sent);

      expect((await buffer(session.stdout)).equals(sent)).toBe(true);
      expect(await session.exitCode).toBe(0);
    });

    it('has a terminal of the size that it is given', async () => {
      const session = await runtime.exec(idle, ['sh'], { stdin: true, tty: true });

      await session.resize(99, 33);
      session.stdin?.write('stty size; exit 7\n');

      expect(await text(session.stdout)).toContain('33 99');
      expect(await session.exitCode).toBe(7);
      expect(session.stderr).toBeUndefined();
    });

    it('passes on the keys by which Docker would let go', async () => {
      const session = await runtime.exec(idle, ['sh', '-c', 'stty raw; echo ready; head -c 2 | od -An -tx1'], {
        stdin: true,
        tty: true,
      });
      const output: string[] = [];
      session.stdout.on('data', (chunk: Buffer) => output.push(chunk.toString()));
      await expect.poll(() => output.join(''), WAIT).toContain('ready');

      session.stdin?.write(Buffer.from([16, 17]));

      await session.exitCode;
      expect(output.join('')).toMatch(/10 11/);
    });

    it('says so if there is no such program', async () => {
      const { exitCode, stdout } = await runtime.execSync(idle, ['nosuch'], 10_000);

      expect(exitCode).toBeGreaterThan(125);
      expect(Buffer.from(stdout).toString()).toContain('"nosuch": executable file not found');
    });

    it('kills a command that takes too long', async () => {
      await expect(runtime.execSync(idle, ['sleep', '987'], 300)).rejects.toMatchObject({ reason: 'Timeout' });

      await expect.poll(() => outputOf(runtime, idle, 'ps'), WAIT).not.toContain('sleep 987');
    });

    it('keeps no more than the first megabyte', async () => {
      const { exitCode, stdout } = await runtime.execSync(idle, ['sh', '-c', 'yes | head -c 3000000'], 10_000);

      expect([exitCode, stdout.length]).toEqual([0, 1024 * 1024]);
    });

    it('gives up when told to', async () => {
      const command = runtime.execSync(idle, ['sleep', '986'], 60_000, AbortSignal.timeout(200));

      await expect(command).rejects.toMatchObject({ name: 'TimeoutError' });
    });
  });

  describe('attach', () => {
    it('reaches the main process, and leaves it running', async () => {
      const { id } = await runScript(runtime, 'while read line; do echo "got $line"; done', {
        in: box,
        container: { stdin: true },
      });
      const session = await runtime.attach(id, { stdin: true, tty: false });
      session.stderr?.resume();

      session.stdin?.write('one\n');
      await new Promise((resolve) => session.stdout.once('data', resolve));
      session.close();

      expect(await text(await runtime.logs(id, NO_LOG_OPTIONS))).toBe('got one\n');
      expect((await runtime.containerStatus(id)).state).toBe('running');
    });

    it('has the terminal of the container', async () => {
      const container = { stdin: true, tty: true };
      const { id } = await runScript(runtime, 'read line; stty size; exit 4', { in: box, container });
      const session = await runtime.attach(id, { stdin: true, tty: true });

      await session.resize(81, 21);
      session.stdin?.write('go\n');

      expect(await text(session.stdout)).toContain('21 81');
      expect(await session.exitCode).toBe(4);
      expect(session.stderr).toBeUndefined();
      expect(await text(await runtime.logs(id, NO_LOG_OPTIONS))).toContain('21 81');
    });

    it('gives the exit code when the process ends', async () => {
      const { id } = await runScript(runtime, 'read line; echo "got $line"; exit 9', {
        in: box,
        container: { stdin: true, stdinOnce: true },
      });
      const session = await runtime.attach(id, { stdin: true, tty: false });
      session.stderr?.resume();

      session.stdin?.end('last\n');

      expect(await text(session.stdout)).toBe('got last\n');
      expect(await session.exitCode).toBe(9);
    });
  });

  describe('logs', () => {
    it('follows to the end of the container', async () => {
      const { id } = await runScript(runtime, 'echo one; sleep 0.3; echo two >&2; exit 1', { in: box });

      expect(await text(await runtime.logs(id, { ...NO_LOG_OPTIONS, follow: true }))).toBe('one\ntwo\n');
    });

    it('gives one of the outputs', async () => {
      const { id } = await runScript(runtime, 'echo one; echo two >&2', { in: box });
      await expect.poll(async () => (await runtime.containerStatus(id)).state, WAIT).toBe('exited');

      expect(await text(await runtime.logs(id, { ...NO_LOG_OPTIONS, stream: 'stderr' }))).toBe('two\n');
    });

    it('gives a long line as one, with one time', async () => {
      const { id } = await runScript(runtime, 'yes | tr -d "\\n" | head -c 50000; echo; echo next', { in: box });
      await expect.poll(async () => (await runtime.containerStatus(id)).state, WAIT).toBe('exited');

      const lines = (await text(await runtime.logs(id, { follow: false, timestamps: true }))).trimEnd().split('\n');

      expect(lines.map((line) => line.replace(/^\S+Z /, '').length)).toEqual([50_000, 4]);
    });

    it('stops following when it is told to', async () => {
      const log = await runtime.logs(idle, { ...NO_LOG_OPTIONS, follow: true });
      log.resume();

      log.destroy();

      await expect.poll(() => log.closed, WAIT).toBe(true);
    });
  });

  describe('port-forward', () => {
    /** To a web server that has just been told to start. */
    const connect = (port: number) => vi.waitFor(() => runtime.portForward(box.id, port), WAIT);

    it.each([
      { address: '127.0.0.1', port: 7001 },
      { address: '[::1]', port: 7002 },
      { address: '0.0.0.0', port: 7003 },
    ])('reaches what listens on $address, both ways, to either end', async ({ address, port }) => {
      await runScript(runtime, `exec httpd -f -p ${address}:${port} -h /etc`, { in: box });

      const connection = await connect(port);
      connection.end('GET /group HTTP/1.0\r\n\r\n');

      expect(await text(connection)).toMatch(/^HTTP\/1\.[01] 200[^]*root:x:0:/);
    });

    it('says so if nobody listens', async () => {
      const refused = 'failed to connect to localhost:7999 inside the pod: connection refused';

      await expect(runtime.portForward(box.id, 7999)).rejects.toThrow(refused);
    });

    it('does not know a sandbox that is not there', async () => {
      await expect(runtime.portForward('nobody', 80)).rejects.toMatchObject({ reason: 'NotFound' });
    });

    it('carries a lot', async () => {
      await runScript(runtime, 'head -c 5000000 /dev/zero > /tmp/zeros; exec httpd -f -p 7004 -h /tmp', { in: box });

      const connection = await connect(7004);
      connection.end('GET /zeros HTTP/1.0\r\n\r\n');

      expect((await buffer(connection)).length).toBeGreaterThan(5_000_000);
    });

    it('is over for the pod too when it is closed here', async () => {
      const { id } = await runScript(runtime, 'exec httpd -f -p 127.0.0.1:7005 -h /tmp', { in: box });
      const connection = await connect(7005);
      expect(await outputOf(runtime, id, 'netstat', '-tn')).toMatch(/:7005 .*ESTABLISHED/);

      connection.destroy();

      await expect.poll(() => outputOf(runtime, id, 'netstat', '-tn'), WAIT).not.toMatch(/:7005 .*ESTABLISHED/);
    });
  });
});
