import { createSocket, type Socket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { decode } from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ask, edns, question, rcodeOf, sendTcp, sendUdp, texts } from './test-support/client.ts';
import { service, slice } from './test-support/objects.ts';
import { runServer } from './test-support/running-server.ts';

const NAME = 'web.default.svc.cluster.local';
const WEB = service('web', { clusterIP: '10.96.0.10', ports: [{ name: 'http', port: 80, protocol: 'TCP' }] });
const MANY = service('many', { clusterIP: 'None' });
const MANY_NAME = 'many.default.svc.cluster.local';
const manySlice = (count: number) =>
  slice('many', {
    endpoints: Array.from({ length: count }, (_, index) => ({ addresses: [`10.1.${index >> 8}.${index & 255}`] })),
  });

async function boundSocket(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

describe('DnsServer', () => {
  it('says nothing about the cluster before it knows it', async () => {
    await using running = await runServer();

    const before = await ask(running.port, NAME, 'A');
    const reverse = await ask(running.port, '10.0.96.10.in-addr.arpa', 'PTR');
    running.services.sync(WEB);
    running.slices.sync();
    await expect.poll(() => running.server.synced).toBe(true);
    const after = await ask(running.port, NAME, 'A');

    expect([rcodeOf(before), rcodeOf(reverse)]).toEqual([2, 2]);
    expect(texts(after.answers)).toEqual([`${NAME} A 10.96.0.10`]);
  });

  it('follows changes', async () => {
    await using running = await runServer({ services: [WEB] });
    const headless = service('web', { clusterIP: 'None' });
    const one = slice('web', { endpoints: [{ addresses: ['10.1.0.1'] }] });
    const two = slice('web', { endpoints: [{ addresses: ['10.1.0.2'] }] });
    const answer = async () => texts((await ask(running.port, NAME, 'A')).answers);
    const pointer = async (last: number) => (await ask(running.port, `${last}.0.1.10.in-addr.arpa`, 'PTR')).answers?.length;

    running.slices.add(one);
    expect(await answer()).toEqual([`${NAME} A 10.96.0.10`]);
    running.services.update(WEB, headless);
    expect(await answer()).toEqual([`${NAME} A 10.1.0.1`]);
    running.slices.update(one, two);
    expect(await answer()).toEqual([`${NAME} A 10.1.0.2`]);
    expect([await pointer(1), await pointer(2)]).toEqual([0, 1]);
    running.slices.delete(two);
    running.services.delete(headless);

    expect(rcodeOf(await ask(running.port, NAME, 'A'))).toBe(3);
    expect(rcodeOf(await ask(running.port, 'default.svc.cluster.local', 'A'))).toBe(3);
    expect(await pointer(2)).toBe(0);
  });

  it('moves a slice whose label names another Service now', async () => {
    const before = slice('many', { endpoints: [{ addresses: ['10.1.0.1'] }] });
    const after = slice('other', { endpoints: [{ addresses: ['10.1.0.1'] }] }, 'many-1');
    await using running = await runServer({ services: [MANY, service('other', { clusterIP: 'None' })], slices: [before] });

    running.slices.update(before, after);

    expect(rcodeOf(await ask(running.port, MANY_NAME, 'A'))).toBe(3);
    expect(texts((await ask(running.port, 'other.default.svc.cluster.local', 'A')).answers)).toHaveLength(1);
  });

  it('begins answers with another address each time', async () => {
    const randoms = [0, 0.5, 0.99];
    const objects = { services: [MANY], slices: [manySlice(4)] };
    await using running = await runServer(objects, { random: () => randoms.shift() ?? 0 });
    const first = async () => texts((await ask(running.port, MANY_NAME, 'A')).answers)[0];

    expect([await first(), await first(), await first()]).toEqual(['0', '2', '3'].map((last) => `${MANY_NAME} A 10.1.0.${last}`));
  });

  it('repeats names as they were spelled', async () => {
    await using running = await runServer({ services: [WEB] });

    const packet = await ask(running.port, 'WeB.default.svc.CLUSTER.local', 'A');

    expect(packet.questions?.[0]?.name).toBe('WeB.default.svc.CLUSTER.local');
    expect(packet.answers?.[0]?.name).toBe('WeB.default.svc.CLUSTER.local');
  });

  it.each([
    { title: '512 bytes without EDNS', more: {}, largest: 512 },
    { title: 'what the client can take', more: edns(900), largest: 900 },
    { title: 'what no network splits', more: edns(9_000), largest: 1_232 },
    { title: '512 bytes for a client that claims less', more: edns(100), largest: 512 },
  ])('sends as many answers over UDP as go into $title', async ({ more, largest }) => {
    await using running = await runServer({ services: [MANY], slices: [manySlice(300)] });

    const message = await sendUdp(running.port, question(MANY_NAME, 'A', more));
    const { flag_tc, answers = [] } = decode(message);
    const recordBytes = MANY_NAME.length + 2 + 14;

    expect(flag_tc).toBe(true);
    expect(message.length).toBeLessThanOrEqual(largest);
    expect(message.length).toBeGreaterThan(largest - recordBytes);
    expect(answers.length).toBeGreaterThan(5);
  });

  it('sends all of them over TCP', async () => {
    await using running = await runServer({ services: [MANY], slices: [manySlice(300)] });

    const [message] = await sendTcp(running.port, [question(MANY_NAME, 'A')]);

    expect(message && decode(message)).toMatchObject({ flag_tc: false });
    expect(message && decode(message).answers).toHaveLength(300);
  });

  it('answers many questions in one TCP connection', async () => {
    await using running = await runServer({ services: [WEB] });

    const messages = await sendTcp(
      running.port,
      Array.from({ length: 500 }, (_, id) => question(NAME, 'A', { id })),
    );

    expect(messages.map((message) => message.readUInt16BE(0))).toEqual(Array.from({ length: 500 }, (_, id) => id));
  });

  it('serves the resolver of Node, which goes over to TCP by itself', async () => {
    await using running = await runServer({ services: [WEB, MANY], slices: [manySlice(100)] });
    const resolver = new Resolver({ timeout: 30_000, tries: 1 });
    resolver.setServers([`127.0.0.1:${running.port}`]);

    expect(await resolver.resolve4(NAME, { ttl: true })).toEqual([{ address: '10.96.0.10', ttl: 5 }]);
    expect(await resolver.resolve4(MANY_NAME)).toHaveLength(100);
    expect(await resolver.resolveSrv(`_http._tcp.${NAME}`)).toMatchObject([{ name: NAME, port: 80 }]);
    expect(await resolver.reverse('10.96.0.10')).toEqual([NAME]);
    expect(await resolver.resolveTxt('dns-version.cluster.local')).toEqual([['1.1.0']]);
    await expect(resolver.resolve6(NAME)).rejects.toMatchObject({ code: 'ENODATA' });
    await expect(resolver.resolve4(`no-${NAME}`)).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  it.each([
    { title: 'an EDNS version of the future', packet: question(NAME, 'A', edns(1_232, 1)), rcode: 0, extended: 1 },
    { title: 'another class', packet: question(NAME, 'A', { questions: [{ name: NAME, type: 'A', class: 'CH' }] }), rcode: 5 },
    { title: 'a transfer of the zone', packet: question('cluster.local', 'AXFR'), rcode: 5 },
    { title: 'another operation', packet: question(NAME, 'A', { flags: 5 << 11 }), rcode: 4 },
    {
      title: 'two questions',
      packet: question(NAME, 'A', { questions: [NAME, NAME].map((name) => ({ name, type: 'A' })) }),
      rcode: 1,
    },
    { title: 'a dot inside of a label', packet: Buffer.from(question(NAME, 'A')).fill('.', 14, 15), rcode: 1 },
    { title: 'a question that is cut off', packet: question(NAME, 'A').subarray(0, -3), rcode: 1 },
  ])('answers $title with a code', async ({ packet, rcode, extended = 0 }) => {
    await using running = await runServer({ services: [WEB] });

    const decoded = decode(await sendUdp(running.port, packet));

    expect(rcodeOf(decoded)).toBe(rcode);
    const opt = decoded.additionals?.find((record) => record.type === 'OPT');
    expect(opt?.extendedRcode ?? 0).toBe(extended);
  });

  it('does not answer answers', async () => {
    await using running = await runServer({ services: [WEB] });
    const answer = question(NAME, 'A', { id: 1, type: 'response' });
    const socket = await boundSocket();
    const first = once(socket, 'message', { signal: AbortSignal.timeout(30_000) });

    socket.send(answer, running.port, '127.0.0.1');
    socket.send(question(NAME, 'A', { id: 2 }), running.port, '127.0.0.1');

    const [message] = (await first) as [Buffer];
    socket.close();
    expect(message.readUInt16BE(0)).toBe(2);
  });

  it('lives through whatever is sent to it', async () => {
    await using running = await runServer({ services: [WEB, MANY], slices: [manySlice(3)] });
    const seeds = [question(NAME, 'A', edns(1_232)), question(`_http._tcp.${NAME}`, 'SRV'), question('cluster.local', 'ANY')];
    const mutated = fc
      .tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(99), fc.nat(255)), { maxLength: 6 }), fc.nat(99))
      .map(([seed, changes, cut]) => {
        const packet = Buffer.from(seed);
        for (const [at, byte] of changes) packet[at % packet.length] = byte;
        return cut < 60 ? packet : packet.subarray(0, cut - 60);
      });
    const packets = fc.sample(fc.oneof(mutated, fc.uint8Array({ maxLength: 600 }).map(Buffer.from)), {
      seed: 53,
      numRuns: 2_000,
    });

    const socket = await boundSocket();

    for (const [index, packet] of packets.entries()) {
      socket.send(packet, running.port, '127.0.0.1');
      // So that none is lost because too many wait.
      if (index % 50 === 0) await ask(running.port, NAME, 'A');
    }

    socket.close();
    expect(texts((await ask(running.port, NAME, 'A')).answers)).toEqual([`${NAME} A 10.96.0.10`]);
  });

  it('counts under the names of CoreDNS', async () => {
    await using running = await runServer({ services: [WEB] }, { upstreams: ['192.0.2.1'] });
    await ask(running.port, NAME, 'A');
    await ask(running.port, `no.${NAME}`, 'TYPE999');

    const metrics = running.server.metrics();

    const zone = `server="dns://127.0.0.1:0",view="",zone="cluster.local."`;
    expect(metrics).toContain(`coredns_dns_requests_total{family="1",proto="udp",${zone},type="A"} 1\n`);
    expect(metrics).toContain(`coredns_dns_responses_total{plugin="",rcode="NXDOMAIN",${zone}} 1\n`);
    expect(metrics).toContain(`coredns_dns_request_duration_seconds_count{${zone}} 2\n`);
    expect(metrics).toContain('coredns_cache_entries{');
  });

  it('does not start on a port that is taken, and stops all the same', async () => {
    await using running = await runServer({});

    await expect(runServer({}, { port: running.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });

    expect(rcodeOf(await ask(running.port, NAME, 'A'))).toBe(3);
  });

  it('cannot be made of options that cannot be', async () => {
    await expect(runServer({}, { zone: 'not a zone' })).rejects.toMatchObject({ reason: 'BadRequest' });
    await expect(runServer({}, { ttlSeconds: -1 })).rejects.toMatchObject({ reason: 'BadRequest' });
    await expect(runServer({}, { upstreams: ['dns.example'] })).rejects.toMatchObject({ reason: 'BadRequest' });
  });
});
