import { createServer, type IncomingHttpHeaders } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { eventually } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import { World } from '../testing/world.ts';

interface Answer {
  status: number;
  body: string;
}

/** A server with a manifest, and how often it was asked. */
async function serve(body: string) {
  const answer: Answer = { status: 200, body };
  const asked: IncomingHttpHeaders[] = [];
  const server = createServer(({ headers }, response) => {
    asked.push(headers);
    response.writeHead(answer.status, { connection: 'close' }).end(answer.body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    answer,
    asked,
    url: `http://127.0.0.1:${port}/pods`,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

const pod = (name: string, image = 'web:1') => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [{ name, image }] },
});
const list = (...items: unknown[]) => JSON.stringify({ apiVersion: 'v1', kind: 'PodList', items });
const phase = (world: World, name: string) => world.pod(`${name}-n1`)?.status?.phase;

const names = (world: World) => world.kubelet.api.pods().map(({ metadata }) => metadata?.name?.replace('-n1', ''));

/** Moves time on until the server is asked for what it says now; the answer needs no more time. */
async function askAgain(world: World, { asked }: Pick<Awaited<ReturnType<typeof serve>>, 'asked'>): Promise<void> {
  const before = asked.length;
  await eventually(async () => {
    if (asked.length === before) await world.clock.advance(20_000);
    return asked.length > before;
  });
}

describe('Kubelet: static pods of a server', () => {
  it('run as those of a directory do, and tell where they come from', async () => {
    await using server = await serve(JSON.stringify(pod('web')));
    await using world = await World.start({ staticPodUrl: server.url, staticPodUrlHeaders: { 'X-Node': ['n1'] } });
    await world.until(() => names(world).length === 1);

    await world.advanceUntil(() => phase(world, 'web') === 'Running');

    expect(world.pod('web-n1')?.metadata?.annotations).toMatchObject({ 'kubernetes.io/config.source': 'http' });
    expect(server.asked[0]?.['x-node']).toBe('n1');
  });

  it('come and go with the list, whatever else is wrong with it', async () => {
    await using server = await serve(list(pod('a'), { metadata: {} }, pod('b')));
    await using world = await World.start({ staticPodUrl: server.url });
    await world.until(() => names(world).join() === 'a,b');
    await world.advanceUntil(() => phase(world, 'a') === 'Running' && phase(world, 'b') === 'Running');

    server.answer.body = list(pod('b'), pod('c'));
    await askAgain(world, server);
    await world.until(() => names(world).includes('c'));
    await world.advanceUntil(() => phase(world, 'c') === 'Running' && world.pod('a-n1') === undefined);
    server.answer.body = '';
    await askAgain(world, server);
    await world.until(() => names(world).length === 0);

    // Those that come together start side by side.
    expect(world.runtime.journal.filter((line) => line.startsWith('start')).sort()).toEqual(['start a', 'start b', 'start c']);
  });

  it.each([
    { title: 'it answers with an error', broken: { status: 500, body: '' } },
    { title: 'what it says is no manifest', broken: { status: 200, body: 'a: [' } },
  ])('go on while $title, also after a restart of the kubelet', async ({ broken }) => {
    await using server = await serve(list(pod('a')));
    await using world = await World.start({ staticPodUrl: server.url });
    await world.until(() => names(world).length === 1);
    await world.advanceUntil(() => phase(world, 'a') === 'Running');
    const good = { ...server.answer };

    Object.assign(server.answer, broken);
    await askAgain(world, server);
    await world.restart();
    // What nobody knows is looked for every ten seconds, and gone when it was seen twice.
    await world.advance(60_000);
    expect(world.runtime.latest('a')?.state).toBe('running');
    Object.assign(server.answer, good);
    await askAgain(world, server);

    await world.until(() => names(world).length === 1);
    expect(world.runtime.journal.filter((line) => line.startsWith('start'))).toEqual(['start a']);
  });
});
