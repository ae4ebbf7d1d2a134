import { connect as connectTls } from 'node:tls';
import { ManualClock } from '@keelson/base/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ContainerConfig, SandboxConfig } from './container-runtime.ts';
import { SimulatedRuntime } from './simulated-runtime.ts';
import { containerConfig, sandboxConfig } from './testing/configs.ts';

const sandbox = (annotations: Record<string, string> = {}, uid = 'u1', attempt = 0): SandboxConfig =>
  sandboxConfig(uid, { pod: { uid, name: 'web', namespace: 'default' }, attempt, hostname: 'web', annotations });
const container = containerConfig('nginx:1.22', { name: 'app', env: [{ name: 'A', value: '1' }] });
const text = async (stream: AsyncIterable<unknown>): Promise<string> => (await Array.fromAsync(stream)).map(String).join('');

describe('a simulated container that is meant to end', () => {
  let clock: ManualClock;
  let runtime: SimulatedRuntime;

  beforeEach(() => {
    clock = new ManualClock(1_000);
    runtime = new SimulatedRuntime({ clock });
  });

  const run = async (task: Partial<ContainerConfig>, annotations: Record<string, string> = {}) => {
    const { id: sandboxId } = await runtime.runSandbox(sandbox(annotations));
    const id = await runtime.createContainer(sandboxId, { ...container, isTask: true, ...task });
    await runtime.startContainer(id);
    await clock.advance(0);
    return id;
  };
  const stateOf = async (id: string) => {
    const { state, exitCode } = await runtime.containerStatus(id);
    return { state, exitCode };
  };

  it('ends at once without a command', async () => {
    expect(await stateOf(await run({}))).toEqual({ state: 'exited', exitCode: 0 });
  });

  it('ends well by a script whose ways are not known', async () => {
    const id = await run({ command: ['bash', '-ec', 'if [[ -z "$A" ]]; then exit 1; fi'] });

    expect(await stateOf(id)).toEqual({ state: 'exited', exitCode: 0 });
  });

  it('does what its command says, and prints it', async () => {
    const id = await run({ command: ['sh', '-c'], args: ['echo $A; sleep 1m; exit 3'] });

    expect(await stateOf(id)).toEqual({ state: 'running', exitCode: 0 });
    expect(await text(await runtime.logs(id, { follow: false, timestamps: false }))).toBe('1\n');

    await clock.advance(60_000);
    expect(await stateOf(id)).toEqual({ state: 'exited', exitCode: 3 });
  });

  it.each([
    ['its command never ends', { command: ['sh', '-c', 'while true; do date; done'] }, {}],
    [
      'its script has branches and a loop without end',
      { command: ['sh', '-c', 'if true; then while true; do date; done; fi'] },
      {},
    ],
    ['its command sleeps for ever', { command: ['sleep', 'infinity'] }, {}],
    ['somebody is to talk to it', { command: ['sh'], stdin: true }, {}],
    ['an annotation says how long it runs', { command: ['true'] }, { 'sim.keelson.dev/app.run-seconds': '3600' }],
  ])('runs on if %s', async (_, task, annotations) => {
    expect(await stateOf(await run(task, annotations))).toMatchObject({ state: 'running' });
  });
});

describe('SimulatedRuntime', () => {
  let clock: ManualClock;
  let runtime: SimulatedRuntime;
  let events: string[];

  beforeEach(() => {
    clock = new ManualClock(1_000);
    runtime = new SimulatedRuntime({ clock });
    events = [];
    runtime.events$.subscribe(({ type }) => events.push(type));
  });

  async function run(annotations: Record<string, string> = {}): Promise<{ sandboxId: string; id: string }> {
    const { id: sandboxId } = await runtime.runSandbox(sandbox(annotations));
    const id = await runtime.createContainer(sandboxId, container);
    await runtime.startContainer(id);
    return { sandboxId, id };
  }

  it('runs a container until it is told to stop, without any timer', async () => {
    const { id } = await run();
    expect([clock.pending, (await runtime.containerStatus(id)).state]).toEqual([0, 'running']);

    const stopped = runtime.stopContainer(id, 30);
    await clock.advance(0);
    await stopped;

    expect(await runtime.containerStatus(id)).toMatchObject({ state: 'exited', exitCode: 143, reason: 'Error' });
    expect(events).toEqual(['container-started', 'container-stopped']);
  });

  it('ends by itself as its script says', async () => {
    const { id } = await run({ 'sim.keelson.dev/app.run-seconds': '5', 'sim.keelson.dev/app.exit-code': '3' });
    await clock.advance(5_000);

    expect(await runtime.containerStatus(id)).toMatchObject({
      state: 'exited',
      exitCode: 3,
      startedAtMs: 1_000,
      finishedAtMs: 6_000,
    });
  });

  it('kills what does not stop in time', async () => {
    const { id } = await run({ 'sim.keelson.dev/app.stop-seconds': '60' });
    const stopped = runtime.stopContainer(id, 2);
    await clock.advance(2_000);
    await stopped;

    expect(await runtime.containerStatus(id)).toMatchObject({ exitCode: 137 });
  });

  it('gives logs and answers commands', async () => {
    const { id } = await run({ 'sim.keelson.dev/app.logs': 'one\ntwo' });
    const { exitCode, stdout } = await runtime.execSync(id, ['sh', '-c', 'exit 7'], 1000);
    const session = await runtime.exec(id, ['env'], { stdin: false, tty: false });

    expect(await text(await runtime.logs(id, { follow: false, timestamps: true, tailLines: 1 }))).toBe(
      '1970-01-01T00:00:01.000000000Z two\n',
    );
    expect([exitCode, stdout.length]).toEqual([7, 0]);
    expect(await text(session.stdout)).toBe('A=1\n');
    expect(await session.exitCode).toBe(0);
  });

  it('gives each pod an address of its own, and takes it back', async () => {
    const first = await runtime.runSandbox(sandbox({}, 'u1'));
    const second = await runtime.runSandbox(sandbox({}, 'u2'));
    await runtime.removeSandbox(first.id);
    const third = await runtime.runSandbox(sandbox({}, 'u3'));

    expect([first.ips, second.ips, third.ips]).toEqual([['10.244.0.2'], ['10.244.0.3'], ['10.244.0.4']]);
  });

  it('uses what its script says, then what its load says, and stays used up when it is gone', async () => {
    const { id } = await run({ 'sim.keelson.dev/app.cpu-milli': '100 500@10', 'sim.keelson.dev/app.memory-mib': '8' });
    await clock.advance(20_000);
    const byScript = await runtime.stats();
    runtime.loadOf = ({ name }) => (name === 'app' ? { cpuMilli: 2000, memoryBytes: 77 } : undefined);
    await runtime.stats();
    await clock.advance(3_000);
    const byLoad = await runtime.stats();
    await runtime.removeContainer(id);
    await clock.advance(3_000);

    expect(byScript).toMatchObject([
      { containerId: id, atMs: 21_000, cpuUsageNanoSeconds: 6e9, memoryWorkingSetBytes: 8 * 1024 * 1024 },
    ]);
    expect(byLoad).toMatchObject([{ atMs: 24_000, cpuUsageNanoSeconds: 12e9, memoryWorkingSetBytes: 77 }]);
    expect(await runtime.stats()).toEqual([]);
    expect(await runtime.machineStats()).toMatchObject({ atMs: 27_000, cpuUsageNanoSeconds: 12e9, memoryUsageBytes: 0 });
  });

  it('finds nothing half made when the same is made again', async () => {
    const { sandboxId } = await run();
    await runtime.createContainer(sandboxId, container);
    expect(await runtime.listContainers()).toMatchObject([{ state: 'created' }]);

    await runtime.runSandbox(sandbox());

    expect(await runtime.listSandboxes()).toHaveLength(1);
    expect(await runtime.listContainers()).toEqual([]);
  });

  it('takes stopping and removing what is not there as done', async () => {
    await Promise.all([
      runtime.stopContainer('x', 1),
      runtime.removeContainer('x'),
      runtime.stopSandbox('x'),
      runtime.removeSandbox('x'),
    ]);

    await expect(runtime.startContainer('x')).rejects.toMatchObject({ reason: 'NotFound' });
    await expect(runtime.createContainer('x', container)).rejects.toMatchObject({ reason: 'NotFound' });
  });

  it('answers HTTPS on every port, with a certificate of its own', async () => {
    const { id } = await runtime.runSandbox(sandbox());
    await runtime.startContainer(await runtime.createContainer(id, container));

    const socket = connectTls({ socket: await runtime.portForward(id, 8443), rejectUnauthorized: false });
    socket.end('GET /healthz HTTP/1.1\r\nhost: web\r\nconnection: close\r\n\r\n');

    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 OK[^]*web \(simulated\): GET \/healthz/);
  });

  it('has images that run as root, and others', async () => {
    const users = await Promise.all(['busybox', 'example.com/controller:v1'].map((name) => runtime.images.pull(name, undefined)));

    expect(users.map(({ user }) => user)).toEqual(['', '65532']);
  });

  it('has every image but those that say they are missing', async () => {
    expect(await runtime.images.find('nginx:1.22')).toBeUndefined();
    const pulled = await runtime.images.pull('nginx:1.22', undefined);

    expect(await runtime.images.find('nginx:1.22')).toEqual(pulled);
    await expect(runtime.images.pull('registry.example/does-not-exist:1', undefined)).rejects.toMatchObject({
      reason: 'NotFound',
    });
  });
});

describe('the addresses of simulated pods', () => {
  it('come from the range that the node is given, and stay what they are', async () => {
    const runtime = new SimulatedRuntime({ clock: new ManualClock(), podCidr: 'unknown' });
    await expect(runtime.runSandbox(sandbox())).rejects.toThrow('not known yet');
    expect((await runtime.info()).network?.ready).toBe(false);

    await runtime.setPodCidrs(['10.244.7.0/24', 'fd00:7::/64']);
    const first = await runtime.runSandbox(sandbox());
    await runtime.setPodCidrs(['10.244.7.0/24', 'fd00:7::/64']);
    const second = await runtime.runSandbox(sandbox({}, 'u2'));

    expect([first.ips, second.ips]).toEqual([
      ['10.244.7.2', 'fd00:7::2'],
      ['10.244.7.3', 'fd00:7::3'],
    ]);
    expect((await runtime.info()).network).toBeUndefined();
    await runtime.close();
  });

  it('are those of the options where these have some', async () => {
    const runtime = new SimulatedRuntime({ clock: new ManualClock(), podCidr: '10.1.0.0/24' });
    await runtime.setPodCidrs(['10.244.7.0/24']);

    expect((await runtime.runSandbox(sandbox())).ips).toEqual(['10.1.0.2']);
    await runtime.close();
  });
});
