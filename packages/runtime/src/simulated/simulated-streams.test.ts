import { request } from 'node:http';
import { connect, constants } from 'node:http2';
import type { IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { PodAddresses } from './pod-addresses.ts';
import { SimulatedLog } from './simulated-log.ts';
import { SimulatedPorts } from './simulated-port.ts';

describe('SimulatedLog', () => {
  const options = { follow: false, timestamps: false };

  it('follows until the end', async () => {
    const log = new SimulatedLog();
    log.append(1, 'one');

    const followed = text(log.read({ ...options, follow: true }));
    log.append(2, 'two', 'three');
    log.end();

    expect(await followed).toBe('one\ntwo\nthree\n');
  });

  it('gives a reader who does not follow what there was', async () => {
    const log = new SimulatedLog();
    log.append(1, 'one', 'two', 'three');

    const tail = log.read({ ...options, tailLines: 2 });
    const late = log.read({ ...options, sinceMs: 2 });
    log.append(2, 'four');

    expect(await text(tail)).toBe('two\nthree\n');
    expect(await text(late)).toBe('');
  });

  it('does not fill the memory of a reader who does not read', () => {
    const log = new SimulatedLog();
    const reader = log.read({ ...options, follow: true });
    reader.read(0);

    for (let line = 0; line < 50_000; line += 1) log.append(line, `line ${line}`);

    expect(reader.readableLength).toBeLessThan(100_000);
    reader.destroy();
  });
});

describe('SimulatedPorts', () => {
  const ports = new SimulatedPorts();
  const open = (healthy = true) => ports.open({ pod: 'web-0', isHealthy: () => healthy });

  it.each([
    { healthy: true, status: 200, body: 'web-0 (simulated): GET /x\n' },
    { healthy: false, status: 503, body: 'not healthy (simulated)\n' },
  ])('answers HTTP with $status', async ({ healthy, status, body }) => {
    const sent = request({ createConnection: () => open(healthy), path: '/x', host: 'pod' }).end();
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];

    expect([answer.statusCode, await text(answer)]).toEqual([status, body]);
  });

  it('answers gRPC health checks', async () => {
    const session = connect('http://pod', { createConnection: () => open() });
    const stream = session.request({ ':method': 'POST', ':path': '/grpc.health.v1.Health/Check' });
    const trailers = once(stream, 'trailers');
    stream.end();
    const chunks = await Array.fromAsync(stream);

    expect(Buffer.concat(chunks as Buffer[])).toEqual(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
    expect((await trailers)[0]).toMatchObject({ 'grpc-status': '0' });
    session.close();
    expect(constants.NGHTTP2_NO_ERROR).toBe(0);
  });

  it('sends back what is no HTTP', async () => {
    const connection = open();
    connection.end('PING\r\n');

    expect(await text(connection)).toBe('PING\r\n');
  });
});

describe('PodAddresses', () => {
  it('gives each address of a range once, and again when it was given back', () => {
    const addresses = new PodAddresses('10.1.2.8/29');
    const all = Array.from({ length: 5 }, () => addresses.take());

    expect(all).toEqual(['10.1.2.10', '10.1.2.11', '10.1.2.12', '10.1.2.13', '10.1.2.14']);
    expect(() => addresses.take()).toThrow('no IP addresses available in range set: 10.1.2.8/29');
    addresses.giveBack('10.1.2.12');
    expect(addresses.take()).toBe('10.1.2.12');
  });

  it('leaves out those that are known to be in use', () => {
    const addresses = new PodAddresses('10.1.0.0/16');
    addresses.reserve('10.1.0.2');

    expect(addresses.take()).toBe('10.1.0.3');
  });

  it.each(['10.1.2.0', '10.1.2.0/31', '300.0.0.0/24', 'fd00::/64'])('refuses %s', (cidr) => {
    expect(() => new PodAddresses(cidr)).toThrow('not a range of IPv4 addresses');
  });
});
