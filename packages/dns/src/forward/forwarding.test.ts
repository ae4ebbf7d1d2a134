import { decode } from 'dns-packet';
import { KeelsonError } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import type { DnsServerOptions } from '../options.ts';
import { ask, question, rcodeOf, sendTcp, sendUdp, texts } from '../test-support/client.ts';
import { service } from '../test-support/objects.ts';
import { runServer } from '../test-support/running-server.ts';
import { address, relayServer, soa, upstreamServer, type Reply } from '../test-support/upstream-server.ts';
import { parseUpstream } from './upstream.ts';

const known: Reply = (name) => ({ answers: [address(name, '192.0.2.53')] });
const silent: Reply = () => undefined;
const failing: Reply = () => ({ flags: 2 });
const ALIAS = service('foo', { type: 'ExternalName', externalName: 'www.example.com' });

function run(upstreams: readonly string[], options: DnsServerOptions = {}) {
  return runServer({ services: [ALIAS] }, { upstreams, timeoutMs: 30_000, ...options });
}

describe('forwarding', () => {
  it('gives what an upstream says, and asks it once', async () => {
    await using upstream = await upstreamServer(known);
    await using running = await run([upstream.at]);

    const packet = await ask(running.port, 'www.example.com', 'A');
    await ask(running.port, 'WWW.example.com', 'A');

    expect(texts(packet.answers)).toEqual(['www.example.com A 192.0.2.53']);
    expect(packet).toMatchObject({ flag_aa: false, flag_ra: true });
    expect(upstream.asked).toEqual(['udp www.example.com A']);
  });

  it('remembers that there is no such name', async () => {
    await using upstream = await upstreamServer(() => ({ flags: 3, authorities: [soa('example.com', 60)] }));
    await using running = await run([upstream.at]);

    const [first, second] = [await ask(running.port, 'no.example.com', 'A'), await ask(running.port, 'no.example.com', 'A')];

    expect([rcodeOf(first), rcodeOf(second)]).toEqual([3, 3]);
    expect(upstream.asked).toHaveLength(1);
  });

  it('asks once for all who want to know at the same time', async () => {
    await using upstream = await upstreamServer(known);
    await using running = await run([upstream.at], { cacheSize: 0 });

    const packets = Array.from({ length: 20 }, () => question('www.example.com', 'A'));
    const messages = await sendTcp(running.port, packets);

    expect(messages.map((message) => texts(decode(message).answers)[0])).toEqual(
      packets.map(() => 'www.example.com A 192.0.2.53'),
    );
    expect(upstream.asked).toHaveLength(1);
  });

  it('asks the next one if one fails', async () => {
    await using broken = await upstreamServer(failing);
    await using upstream = await upstreamServer(known);
    await using running = await run([broken.at, upstream.at]);

    expect(texts((await ask(running.port, 'www.example.com', 'A')).answers)).toEqual(['www.example.com A 192.0.2.53']);
  });

  it.each([
    { title: 'is silent', reply: silent },
    { title: 'talks nonsense', reply: (() => Buffer.from('nonsense, and more of it')) satisfies Reply },
    {
      title: 'answers another question',
      reply: ((_name, _type, _proto, query) => ({
        id: query.readUInt16BE(0),
        questions: [{ name: 'evil.example', type: 'A' }],
        answers: [address('www.example.com', '6.6.6.6')],
      })) satisfies Reply,
    },
    {
      title: 'answers with another id',
      reply: ((name, _type, _proto, query) => ({
        id: query.readUInt16BE(0) ^ 1,
        answers: [address(name, '6.6.6.6')],
      })) satisfies Reply,
    },
  ])('asks the next one when its time is up if one $title', async ({ reply }) => {
    await using broken = await upstreamServer(reply);
    await using upstream = await upstreamServer(known);
    const clock = new ManualClock();
    await using running = await runServer({}, { upstreams: [broken.at, upstream.at], timeoutMs: 2_000 }, clock);

    const answer = ask(running.port, 'www.example.com', 'A');
    await expect.poll(() => broken.asked.length).toBe(1);
    await clock.advance(2_000);

    expect(texts((await answer).answers)).toEqual(['www.example.com A 192.0.2.53']);
  });

  it('asks again over TCP for what does not fit into a packet', async () => {
    const reply: Reply = (name, _type, proto) =>
      proto === 'udp' ? { flags: 0x0200 } : { answers: [address(name, '192.0.2.99')] };
    await using upstream = await upstreamServer(reply);
    await using running = await run([upstream.at]);

    expect(texts((await ask(running.port, 'big.example.com', 'A')).answers)).toEqual(['big.example.com A 192.0.2.99']);
    expect(upstream.asked).toEqual(['udp big.example.com A', 'tcp big.example.com A']);
  });

  it('says SERVFAIL, and does not remember it, when nobody answers', async () => {
    await using upstream = await upstreamServer(failing);
    await using running = await run([upstream.at]);

    expect(rcodeOf(await ask(running.port, 'www.example.com', 'A'))).toBe(2);
    expect(rcodeOf(await ask(running.port, 'www.example.com', 'A'))).toBe(2);

    expect(upstream.asked).toHaveLength(4);
  });

  it('asks no more than so many questions at a time', async () => {
    await using upstream = await upstreamServer(silent);
    const clock = new ManualClock();
    await using running = await runServer({}, { upstreams: [upstream.at], maxInFlight: 1 }, clock);

    const first = ask(running.port, 'one.example', 'A');
    await expect.poll(() => upstream.asked.length).toBe(1);

    expect(rcodeOf(await ask(running.port, 'two.example', 'A'))).toBe(2);

    await clock.advance(2_000);
    await expect.poll(() => upstream.asked.length).toBe(2);
    await clock.advance(2_000);
    expect(rcodeOf(await first)).toBe(2);
    expect(upstream.asked).toEqual(['udp one.example A', 'udp one.example A']);
  });

  it('refuses its own questions when they come back', async () => {
    await using relay = await relayServer();
    await using running = await run([relay.at]);
    relay.to(running.port);

    expect(rcodeOf(await ask(running.port, 'loop.example', 'A'))).toBe(5);
  });

  it('is not an upstream of itself', async () => {
    await expect(run(['127.0.0.1:5353'], { port: 5353 })).rejects.toThrow(KeelsonError);
  });

  it('follows an alias out of the cluster', async () => {
    await using upstream = await upstreamServer(known);
    await using running = await run([upstream.at]);
    const name = 'foo.default.svc.cluster.local';

    expect(texts((await ask(running.port, name, 'A')).answers)).toEqual([
      `${name} CNAME www.example.com`,
      'www.example.com A 192.0.2.53',
    ]);
    expect(texts((await ask(running.port, name, 'CNAME')).answers)).toEqual([`${name} CNAME www.example.com`]);
  });

  it('passes on types that it does not know', async () => {
    await using upstream = await upstreamServer((name) => ({
      answers: [{ type: 'UNKNOWN_65' as 'NULL', name, ttl: 60, data: Buffer.from([0, 1, 0]) }],
    }));
    await using running = await run([upstream.at]);

    const packet = decode(await sendUdp(running.port, question('www.example.com', 'UNKNOWN_65')));

    expect(packet.answers).toMatchObject([{ type: 'UNKNOWN_65', data: Buffer.from([0, 1, 0]) }]);
  });

  it.each([
    ['192.0.2.1', { host: '192.0.2.1', port: 53 }],
    ['192.0.2.1:5353', { host: '192.0.2.1', port: 5_353 }],
    ['2001:db8::1', { host: '2001:db8::1', port: 53 }],
    ['[2001:db8::1]:5353', { host: '2001:db8::1', port: 5_353 }],
  ])('takes %s for an upstream', (text, upstream) => {
    expect(parseUpstream(text)).toEqual(upstream);
  });

  it.each(['', 'dns.example.com', '192.0.2.1:port'])('does not take "%s" for an upstream', (text) => {
    expect(() => parseUpstream(text)).toThrow(KeelsonError);
  });
});
