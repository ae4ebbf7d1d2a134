import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { KeelsonError } from '@keelson/base';
import { eventually, ManualClock } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import type { Command, CommandResult } from '../command-runner.ts';
import { mapOf, servicePort } from '../testing/service-ports.ts';
import { closedPort, ownLoopbackAddress, tcpAsk, tcpServer, UdpClient, udpServer } from '../test-support/sockets.ts';
import { UserspaceMode, type UserspaceModeOptions } from './userspace-mode.ts';

const PORT = 8_080;
const OK: CommandResult = { code: 0, stdout: '', stderr: '' };

/** A mode whose services are on a loopback address, so that it needs no rights; `serve` takes what is to be different in the service. */
function setUp(options: UserspaceModeOptions = {}, run: (command: Command) => CommandResult = () => OK) {
  const clock = new ManualClock();
  const address = ownLoopbackAddress();
  const nodeAddress = ownLoopbackAddress();
  const commands: Command[] = [];
  const deps = {
    clock,
    nodeAddresses: () => [nodeAddress],
    run: (command: Command) => {
      commands.push(command);
      return new Promise<CommandResult>((resolve) => resolve(run(command)));
    },
  };
  const mode = new UserspaceMode(deps, options);
  const serve = (overrides: Parameters<typeof servicePort>[0]) =>
    mode.sync(mapOf(servicePort({ clusterIPs: [address], port: PORT, ...overrides })));
  return { mode, clock, address, nodeAddress, commands, serve, [Symbol.asyncDispose]: () => mode.close() };
}

async function open(address: string): Promise<Socket> {
  const socket = connect({ host: address, port: PORT, allowHalfOpen: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

describe('UserspaceMode: TCP', () => {
  it('takes the endpoints in turn', async () => {
    await using one = await tcpServer('one');
    await using two = await tcpServer('two');
    await using world = setUp();

    expect(await world.serve({ endpoints: [one.at, two.at] })).toEqual({ changed: true, problems: [] });

    const answers = [await tcpAsk(world.address, PORT), await tcpAsk(world.address, PORT), await tcpAsk(world.address, PORT)];
    expect(answers).toEqual(['one', 'two', 'one']);
  });

  it('passes the end of one direction on and leaves the other open', async () => {
    await using server = await tcpServer('echo', (socket) => {
      let heard = '';
      socket.on('data', (data) => (heard += data.toString()));
      socket.on('end', () => socket.end(`heard ${heard}`));
    });
    await using world = setUp();
    await world.serve({ endpoints: [server.at] });

    expect(await tcpAsk(world.address, PORT, 'all of it')).toBe('heard all of it');
  });

  it('lets a fast writer wait for a slow reader, and loses nothing', async () => {
    const sizeBytes = 64 * 1024 * 1024;
    const held = Promise.withResolvers<Socket>();
    await using server = await tcpServer('slow', (socket) => held.resolve(socket.pause()));
    await using world = setUp();
    await world.serve({ endpoints: [server.at] });
    const client = await open(world.address);
    client.end(Buffer.alloc(sizeBytes, 7));
    const reader = await held.promise;
    await eventually(() => client.bytesWritten > 0);

    // All the buffers on the way are smaller than what is sent.
    expect(client.writableLength).toBeGreaterThan(0);
    let readBytes = 0;
    reader.on('data', (data) => (readBytes += data.length)).resume();
    await once(reader, 'end');

    expect(readBytes).toBe(sizeBytes);
    client.destroy();
  });

  it('passes a reset on as a reset', async () => {
    await using server = await tcpServer('rude', (socket) => socket.once('data', () => socket.resetAndDestroy()));
    await using world = setUp();
    await world.serve({ endpoints: [server.at] });

    await expect(tcpAsk(world.address, PORT, 'hello')).rejects.toThrow('ECONNRESET');
  });

  it('goes to the next endpoint when one refuses', async () => {
    await using server = await tcpServer('alive');
    await using world = setUp();
    await world.serve({ endpoints: [await closedPort(), server.at] });

    expect(await tcpAsk(world.address, PORT)).toBe('alive');
    expect(await tcpAsk(world.address, PORT)).toBe('alive');
  });

  it('resets the client when no endpoint can be reached', async () => {
    await using world = setUp();
    await world.serve({ endpoints: [await closedPort()] });

    await expect(tcpAsk(world.address, PORT, 'hello')).rejects.toThrow('ECONNRESET');
  });

  it('refuses without endpoints, serves once there is one, and leaves connections alone when it goes', async () => {
    await using server = await tcpServer('echo', (socket) => socket.pipe(socket));
    await using world = setUp();
    await world.serve({});
    await expect(tcpAsk(world.address, PORT)).rejects.toThrow('ECONNREFUSED');

    await world.serve({ endpoints: [server.at] });
    const client = await open(world.address);
    await eventually(() => server.connections.size === 1);
    await world.serve({});

    await expect(tcpAsk(world.address, PORT)).rejects.toThrow('ECONNREFUSED');
    client.write('still here');
    expect(String((await once(client, 'data'))[0])).toBe('still here');
    client.destroy();
  });

  it('ends all connections when it is closed', async () => {
    await using server = await tcpServer('silent', () => undefined);
    await using world = setUp();
    await world.serve({ endpoints: [server.at] });
    const client = await open(world.address);
    await eventually(() => server.connections.size === 1);

    await world.mode.close();

    await eventually(() => client.destroyed && server.connections.size === 0);
  });

  it('keeps a client at one endpoint, by cluster IP and node port alike', async () => {
    await using one = await tcpServer('one');
    await using two = await tcpServer('two');
    await using world = setUp();
    await world.serve({ endpoints: [one.at, two.at], affinitySeconds: 10_800, nodePort: 30_080 });

    const first = await tcpAsk(world.address, PORT);
    const other = await tcpAsk(world.address, PORT, undefined, '127.0.0.2');

    expect(other).not.toBe(first);
    expect(await tcpAsk(world.nodeAddress, 30_080)).toBe(first);
    expect(await tcpAsk(world.address, PORT)).toBe(first);
  });

  it('says which port is taken, and serves it once it is free', async () => {
    await using server = await tcpServer('alive');
    await using world = setUp();
    const other = await tcpServer('other', undefined, world.address);
    const taken = { endpoints: [server.at], port: other.port };

    const report = await world.serve(taken);
    await other[Symbol.asyncDispose]();

    expect(report.problems).toMatchObject([
      { service: 'default/web:http', message: expect.stringContaining('another program listens there'), lasting: false },
    ]);
    expect((await world.serve(taken)).problems).toEqual([]);
    expect(await tcpAsk(world.address, other.port)).toBe('alive');
  });

  it('serves the first of two services that want the same address and port', async () => {
    await using one = await tcpServer('one');
    await using two = await tcpServer('two');
    await using world = setUp();
    const port = { clusterIPs: [world.address], port: PORT };

    const report = await world.mode.sync(
      mapOf(servicePort({ ...port, key: 'a', endpoints: [one.at] }), servicePort({ ...port, key: 'b', endpoints: [two.at] })),
    );

    expect(report.problems).toMatchObject([{ service: 'b', message: expect.stringContaining('a has it already') }]);
    expect(await tcpAsk(world.address, PORT)).toBe('one');
  });

  it('does not go round in circles when an endpoint is an address that it serves itself', async () => {
    await using world = setUp();
    await world.serve({ endpoints: [`${world.address}:${PORT}`] });

    await expect(tcpAsk(world.address, PORT, 'hello')).rejects.toThrow('ECONNRESET');
  });

  it('says that it does not serve SCTP', async () => {
    await using world = setUp();

    const report = await world.serve({ protocol: 'SCTP', endpoints: ['127.0.0.1:9'] });

    expect(report.problems).toMatchObject([{ service: 'default/web:http', lasting: true }]);
  });
});

describe('UserspaceMode: UDP', () => {
  const UDP = { protocol: 'UDP' } as const;

  it('takes endpoints in turn for clients, and keeps the flow of a client', async () => {
    await using one = await udpServer('one');
    await using two = await udpServer('two');
    await using world = setUp();
    await world.serve({ ...UDP, endpoints: [one.at, two.at] });
    await using client = await UdpClient.open();
    await using other = await UdpClient.open();

    expect(await client.ask(world.address, PORT, '1')).toBe('one 1');
    expect(await other.ask(world.address, PORT, '2')).toBe('two 2');
    expect(await client.ask(world.address, PORT, '3')).toBe('one 3');
    expect(one.clients.size).toBe(1);
  });

  it('moves a flow when its endpoint goes, without losing the next packet', async () => {
    await using one = await udpServer('one');
    await using two = await udpServer('two');
    await using world = setUp();
    await using client = await UdpClient.open();
    await world.serve({ ...UDP, endpoints: [one.at] });
    await client.ask(world.address, PORT, '1');

    await world.serve({ ...UDP, endpoints: [two.at] });

    expect(await client.ask(world.address, PORT, '2')).toBe('two 2');
  });

  it('sends the first packet to the next endpoint when one refuses', async () => {
    await using server = await udpServer('alive');
    await using world = setUp();
    await using client = await UdpClient.open();
    await world.serve({ ...UDP, endpoints: [await closedPort(), server.at] });

    expect(await client.ask(world.address, PORT, 'hello')).toBe('alive hello');
  });

  it('ends a flow that was idle for the time', async () => {
    await using server = await udpServer('one');
    await using world = setUp({ udpIdleMs: 1_000 });
    await using client = await UdpClient.open();
    await world.serve({ ...UDP, endpoints: [server.at] });
    await client.ask(world.address, PORT, '1');

    await world.clock.advance(900);
    await client.ask(world.address, PORT, '2');
    expect(server.clients.size).toBe(1);
    await world.clock.advance(2_000);
    await client.ask(world.address, PORT, '3');

    expect(server.clients.size).toBe(2);
  });

  it('keeps a bounded number of flows, those used last', async () => {
    await using server = await udpServer('one');
    await using world = setUp({ mostUdpFlows: 2 });
    await world.serve({ ...UDP, endpoints: [server.at] });
    await using first = await UdpClient.open();
    await using second = await UdpClient.open();
    await using third = await UdpClient.open();

    for (const client of [first, second, first, third, first]) await client.ask(world.address, PORT, 'x');
    expect(server.clients.size).toBe(3);
    await second.ask(world.address, PORT, 'again');

    expect(server.clients.size).toBe(4);
  });
});

describe('UserspaceMode: cluster IPs on the loopback interface', () => {
  const cluster = { clusterIPs: ['10.96.0.10'] };
  const LISTED = '1: lo    inet 10.96.0.10/32 scope host lo:keelson\\\n1: lo    inet 10.96.0.99/32 scope host lo:keelson\\\n';

  it('adds what is missing and removes what an earlier life has left', async () => {
    const world = setUp({}, ({ args }) => (args.includes('show') ? { ...OK, stdout: LISTED.split('\n')[1] ?? '' } : OK));

    await world.serve(cluster);

    expect(world.commands.at(-1)?.input).toBe(
      'addr del 10.96.0.99/32 dev lo\naddr add 10.96.0.10/32 dev lo label lo:keelson scope host\n',
    );
  });

  it('tells IPv6 addresses of its own by their metric', async () => {
    const own = '1: lo    inet6 fd00:96::99/128 metric 33757 scope global deprecated ';
    const others = '1: lo    inet6 fd00:96::77/128 scope global \n1: lo    inet6 ::1/128 scope host ';
    const shown = { ...OK, stdout: `${own}\n${others}` };
    const world = setUp({ family: 'IPv6' }, ({ args }) => (args.includes('show') ? shown : OK));

    await world.serve({ clusterIPs: ['fd00:96::10'] });

    expect(world.commands.at(-1)?.input).toBe(
      'addr del fd00:96::99/128 dev lo\naddr add fd00:96::10/128 dev lo metric 33757 nodad preferred_lft 0\n',
    );
  });

  it('says once, in one sentence, that cluster IPs are not served without the right to', async () => {
    await using server = await tcpServer('by node port');
    await using world = setUp({}, ({ args }) =>
      args.includes('show')
        ? OK
        : { code: 1, stdout: '', stderr: 'RTNETLINK answers: Operation not permitted\nCommand failed -:1' },
    );

    const report = await world.serve({ ...cluster, endpoints: [server.at], nodePort: 30_080 });
    const again = await world.serve({ ...cluster, endpoints: [], nodePort: 30_080 });

    expect(report.problems).toHaveLength(1);
    expect(report.problems[0]?.message).toMatch(/^Cluster IPs are not served.*Operation not permitted.*CAP_NET_ADMIN/);
    expect(again.problems).toEqual(report.problems);
    expect(world.commands.filter(({ args }) => args.includes('-batch'))).toHaveLength(1);
  });

  it('serves node ports where there is no program to add addresses', async () => {
    await using server = await tcpServer('by node port');
    await using world = setUp({}, () => {
      throw new KeelsonError('NotFound', 'Cannot run "ip": there is no such program');
    });

    const report = await world.serve({ ...cluster, endpoints: [server.at], nodePort: 30_080 });

    expect(report.problems).toMatchObject([{ message: expect.stringContaining('no such program'), lasting: true }]);
    expect(await tcpAsk(world.nodeAddress, 30_080)).toBe('by node port');
    await world.mode.cleanup();
  });

  it('tries again, and again at a full sync, what failed for another reason', async () => {
    let fails = true;
    const world = setUp({}, ({ args }) =>
      args.includes('-batch') && fails ? { code: 1, stdout: '', stderr: 'RTNETLINK answers: No buffer space available' } : OK,
    );

    const report = await world.serve(cluster);
    fails = false;

    expect(report.problems[0]?.lasting).toBeUndefined();
    expect((await world.serve(cluster)).problems).toEqual([]);
  });

  it('removes all that bear its label when it cleans up', async () => {
    const world = setUp({}, ({ args }) => (args.includes('show') ? { ...OK, stdout: LISTED } : OK));

    await world.mode.cleanup();

    expect(world.commands.map(({ args, input }) => input ?? args.join(' '))).toEqual([
      '-4 -o addr show dev lo label lo:keelson',
      'addr del 10.96.0.10/32 dev lo\naddr del 10.96.0.99/32 dev lo\n',
    ]);
  });
});
