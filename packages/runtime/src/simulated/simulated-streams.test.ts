import { request } from 'node:http';
import { connect, constants } from 'node:http2';
import type { IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
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
