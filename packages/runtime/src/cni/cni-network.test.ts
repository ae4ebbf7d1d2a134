import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ManualClock } from '@keelson/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NetworkRequest } from '../pod-network.ts';
import { ScriptedPlugins } from './testing/scripted-plugins.ts';

let plugins: ScriptedPlugins;
beforeEach(() => {
  plugins = new ScriptedPlugins();
});
afterEach(() => plugins[Symbol.dispose]());

const FIRST = { cniVersion: '1.0.0', interfaces: [{ name: 'veth1' }, { name: 'eth0', sandbox: '/ns' }] };
const IPS = [
  { address: '10.9.0.5/24', interface: 1 },
  { address: '192.0.2.1/24', interface: 0 },
];

const printing = (value: unknown): string => `[ $CNI_COMMAND != ADD ] || echo '${JSON.stringify(value)}'`;
const failing = (command: string, words: unknown): string =>
  `[ $CNI_COMMAND != ${command} ] || { echo '${JSON.stringify(words)}'; exit 1; }`;

function request(more: Partial<NetworkRequest> = {}): NetworkRequest {
  const pod = { uid: 'u1', name: 'web', namespace: 'shop' };
  return { pod, sandboxId: 'abc', namespacePath: plugins.namespacePath, portMappings: [], ...more };
}

/** Two plugins, of which the second changes nothing. */
function chain(more: object = {}): void {
  plugins.plugin('one', printing(FIRST));
  plugins.plugin('two', printing({ ...FIRST, ips: IPS }));
  plugins.config({
    cniVersion: '1.0.0',
    name: 'net',
    plugins: [
      { type: 'one', colour: 'blue' },
      { type: 'two', capabilities: { portMappings: true, mac: true } },
    ],
    ...more,
  });
}

describe('add', () => {
  it('runs plugins in order, each with the result of the one before, and takes the last result', async () => {
    chain();

    const { ips } = await plugins.network().add(request());

    const [first, second] = plugins.calls();
    expect(first).toEqual({
      plugin: 'one',
      env: {
        CNI_COMMAND: 'ADD',
        CNI_CONTAINERID: 'abc',
        CNI_NETNS: plugins.namespacePath,
        CNI_IFNAME: 'eth0',
        CNI_PATH: `${plugins.directory}/nothing:${plugins.directory}/bin`,
        CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=abc;K8S_POD_UID=u1',
      },
      config: { type: 'one', colour: 'blue', name: 'net', cniVersion: '1.0.0' },
    });
    expect(second?.config).toEqual({ type: 'two', name: 'net', cniVersion: '1.0.0', prevResult: FIRST });
    expect(ips).toEqual(['10.9.0.5']);
  });

  it('gives host ports to plugins that ask for them, and no others', async () => {
    chain();
    const portMappings = [
      { protocol: 'UDP', containerPort: 53, hostPort: 5353, hostIp: '127.0.0.1' },
      { protocol: 'TCP', containerPort: 80, hostPort: 0 },
    ] as const;

    await plugins.network().add(request({ portMappings }));

    const [first, second] = plugins.calls();
    expect(first?.config).not.toHaveProperty('runtimeConfig');
    expect(second?.config['runtimeConfig']).toEqual({
      portMappings: [{ hostPort: 5353, containerPort: 53, protocol: 'udp', hostIP: '127.0.0.1' }],
    });
  });

  it('takes everything back when a plugin fails, and says which, and why', async () => {
    chain();
    plugins.plugin('two', failing('ADD', { code: 7, msg: 'bad range', details: 'no subnet' }));
    const network = plugins.network();

    const error = await network.add(request()).catch((reason: unknown) => reason);

    expect(error).toMatchObject({
      reason: 'InternalError',
      cniCode: 7,
      message: 'plugin type="two" name="net" failed (add): bad range; no subnet',
    });
    const commands = plugins.calls().map(({ plugin, env }) => `${plugin} ${env['CNI_COMMAND']}`);
    expect(commands).toEqual(['one ADD', 'two ADD', 'two DEL', 'one DEL']);
    expect(await network.find('abc')).toBeUndefined();
  });

  it.each([
    {
      title: 'asks to be called again',
      script: failing('ADD', { code: 11, msg: 'busy' }),
      reason: 'ServiceUnavailable',
      words: 'busy',
    },
    {
      title: 'speaks no JSON',
      script: '[ $CNI_COMMAND != ADD ] || { echo oh no >&2; exit 3; }',
      reason: 'InternalError',
      words: 'oh no',
    },
    { title: 'gives no result', script: 'true', reason: 'InternalError', words: 'no result' },
  ])('understands a plugin that $title', async ({ script, reason, words }) => {
    chain();
    plugins.plugin('one', script);

    await expect(plugins.network().add(request())).rejects.toMatchObject({ reason, message: expect.stringContaining(words) });
  });

  it('kills a plugin that takes too long, with all that it has started', async () => {
    chain();
    const hung = join(plugins.directory, 'hung');
    plugins.plugin('one', `[ $CNI_COMMAND != ADD ] || { sleep 1000 & echo $! > ${hung}.new; mv ${hung}.new ${hung}; wait; }`);
    const clock = new ManualClock();
    const adding = plugins.network({ clock, timeoutMs: 5000 }).add(request());
    adding.catch(() => undefined);
    const pid = await untilWritten(hung);

    await clock.advance(5000);

    await expect(adding).rejects.toMatchObject({ reason: 'Timeout', message: expect.stringContaining('within 5s') });
    // What was killed is there until the kernel has come round to it.
    await expect.poll(() => isRunning(pid)).toBe(false);
  });

  it('says what is missing while there is neither configuration nor pod CIDR', async () => {
    await expect(plugins.network().add(request())).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
  });

  it.each(['', '../up', '.hidden'])('refuses the sandbox "%s"', async (sandboxId) => {
    await expect(plugins.network().add(request({ sandboxId }))).rejects.toMatchObject({ reason: 'BadRequest' });
  });
});

describe('remove', () => {
  it('runs plugins in the opposite order, with the configuration and the result of the time of their making', async () => {
    chain();
    await plugins.network().add(request());
    chain({ name: 'other' });

    await plugins.network().remove('abc');

    const calls = plugins.calls().filter(({ env }) => env['CNI_COMMAND'] === 'DEL');
    expect(calls.map(({ plugin }) => plugin)).toEqual(['two', 'one']);
    for (const { config } of calls) expect(config).toMatchObject({ name: 'net', prevResult: { ips: IPS } });
  });

  it('goes on after a failure, and may be repeated', async () => {
    chain();
    const network = plugins.network();
    await network.add(request());
    plugins.plugin('two', failing('DEL', { code: 5, msg: 'not now' }));

    await expect(network.remove('abc')).rejects.toMatchObject({ message: expect.stringContaining('not now') });
    plugins.plugin('two', 'true');
    await network.remove('abc');

    const deleted = plugins.calls().filter(({ env }) => env['CNI_COMMAND'] === 'DEL');
    expect(deleted.map(({ plugin }) => plugin)).toEqual(['two', 'one', 'two', 'one']);
    expect(await network.find('abc')).toBeUndefined();
  });

  it('names no namespace once the path means another one', async () => {
    chain();
    const namespacePath = join(plugins.directory, 'recycled');
    writeFileSync(namespacePath, '');
    const network = plugins.network();
    await network.add(request({ namespacePath }));
    writeFileSync(`${namespacePath}.new`, '');
    renameSync(`${namespacePath}.new`, namespacePath);

    await network.remove('abc');

    const deleted = plugins.calls().filter(({ env }) => env['CNI_COMMAND'] === 'DEL');
    expect(deleted.map(({ env }) => env['CNI_NETNS'])).toEqual(['', '']);
  });
});

describe('after a crash', () => {
  it('knows what was never finished, and removes it', async () => {
    chain();
    const state = join(plugins.directory, 'state', 'attachments');
    const waiting = join(plugins.directory, 'waiting');
    plugins.plugin('two', `touch ${waiting}; sleep 1000`);
    const controller = new AbortController();
    const adding = plugins.network().add(request(), controller.signal);
    await untilWritten(waiting, '');
    const record = readFileSync(join(state, 'abc.json'), 'utf8');
    plugins.plugin('two', 'true');
    controller.abort();
    await adding.catch(() => undefined);
    writeFileSync(join(state, 'abc.json'), record);
    const later = plugins.network();

    const found = await later.find('abc');
    await later.retain(async () => new Set());

    expect(found).toMatchObject({ ...request(), state: 'unfinished', ips: [] });
    expect(await later.find('abc')).toBeUndefined();
    expect(await plugins.network().find('abc')).toBeUndefined();
  });

  it('gives up by its id what it cannot read any more', async () => {
    chain();
    await plugins.network().add(request());
    writeFileSync(join(plugins.directory, 'state', 'attachments', 'abc.json'), '');

    await plugins.network().remove('abc');

    const last = plugins.calls().at(-1);
    expect(last).toMatchObject({ plugin: 'one', env: { CNI_COMMAND: 'DEL', CNI_CONTAINERID: 'abc', CNI_NETNS: '' } });
  });
});

describe('check, status and garbage', () => {
  const commandsOf = () => plugins.calls().map(({ env }) => env['CNI_COMMAND']);

  it('checks in order, with the result', async () => {
    chain();
    const network = plugins.network();
    await network.add(request());

    await network.check('abc');

    expect(commandsOf()).toEqual(['ADD', 'ADD', 'CHECK', 'CHECK']);
    expect(plugins.calls().at(-1)?.config).toMatchObject({ prevResult: { ips: IPS } });
  });

  it.each([{ cniVersion: '0.3.1' }, { disableCheck: true }])('does not check with %o', async (more) => {
    chain(more);
    const network = plugins.network();
    await network.add(request());

    await network.check('abc');

    expect(commandsOf()).toEqual(['ADD', 'ADD']);
  });

  it('asks plugins of version 1.1.0 whether they are ready, and tells them what there is', async () => {
    chain({ cniVersion: '1.1.0' });
    const network = plugins.network();
    await network.add(request());
    await network.retain(async () => new Set(['abc']));
    const garbage = plugins.calls().at(-1);
    plugins.plugin('two', failing('STATUS', { code: 50, msg: 'not connected' }));

    const status = await network.status();

    expect(garbage).toMatchObject({ env: { CNI_COMMAND: 'GC' } });
    expect(garbage?.config['cni.dev/valid-attachments']).toEqual([{ containerID: 'abc', ifname: 'eth0' }]);
    expect(status).toMatchObject({
      ready: false,
      reason: 'NetworkPluginNotReady',
      message: expect.stringContaining('not connected'),
    });
  });

  it('is not ready without the plugins that its configuration names', async () => {
    plugins.config({ cniVersion: '1.0.0', name: 'net', plugins: [{ type: 'gone', ipam: { type: 'lost' } }] });

    expect(await plugins.network().status()).toMatchObject({ ready: false, message: expect.stringContaining('gone, lost') });
  });
});

async function untilWritten(file: string, otherwise?: string): Promise<string> {
  for (let tries = 0; tries < 6000; tries += 1) {
    try {
      return readFileSync(file, 'utf8') || (otherwise ?? '');
    } catch {
      await sleep(10);
    }
  }
  throw new Error(`"${file}" was never written`);
}

function isRunning(pid: string): boolean {
  try {
    return !readFileSync(`/proc/${pid.trim()}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
