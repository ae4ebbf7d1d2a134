import { once } from 'node:events';
import { ManualClock } from '@keelson/base/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { StaticTokenAuthenticator } from '../auth/authenticators.ts';
import { PROTOBUF } from '../protobuf/index.ts';
import { ApiProbe, configMap, MAPS, type Loose } from '../test-support/api-probe.ts';
import { startTestApiServer, type TestApiServerOptions } from '../testing.ts';

/** How browsers show their token. */
const AS_TESTER = `base64url.bearer.authorization.k8s.io.${Buffer.from('test-token').toString('base64url')}`;
const WAIT = { timeout: 30_000, interval: 5 };

async function start(options: TestApiServerOptions = {}) {
  const authenticators = [new StaticTokenAuthenticator(new Map([['test-token', { name: 'me', groups: ['system:masters'] }]]))];
  const api = await startTestApiServer({ ...options, authenticators, http: true });
  const probe = new ApiProbe(api.transport);
  return Object.assign(api, { create: (name: string) => probe.create(MAPS, configMap(name)) });
}

interface Offer {
  readonly protocols?: string[];
  readonly headers?: Record<string, string>;
}

/** Opens a WebSocket and notes the messages that come over it. */
async function watch({ url = '' }: { readonly url?: string | undefined }, path: string, offer: Offer = {}) {
  const { protocols = [], headers = { authorization: 'Bearer test-token' } } = offer;
  // Node takes headers, which browsers do not.
  const socket = new WebSocket(`${url.replace('http:', 'ws:')}${path}`, { protocols, headers });
  onTestFinished(() => socket.close());
  socket.binaryType = 'arraybuffer';
  const messages: (string | ArrayBuffer)[] = [];
  socket.addEventListener('message', ({ data }) => messages.push(data));
  const closed = once(socket, 'close') as Promise<[CloseEvent]>;
  await Promise.race([once(socket, 'open'), once(socket, 'error').then(() => Promise.reject(new Error('refused')))]);
  const events = (): Loose[] => messages.map((data) => JSON.parse(String(data)));
  const reach = (count: number) => vi.waitFor(() => expect(messages.length).toBeGreaterThanOrEqual(count), WAIT);
  return { socket, messages, events, reach, closed: closed.then(([{ code }]) => code) };
}

describe('a watch over a WebSocket', () => {
  it('sends each event as a text', async () => {
    await using api = await start();
    await api.create('a');

    const { events, reach } = await watch(api, `${MAPS}?watch=true`);
    await reach(1);
    await api.create('b');
    await reach(2);

    expect(events().map(({ type, object }) => [type, object.kind, object.metadata.name])).toEqual([
      ['ADDED', 'ConfigMap', 'a'],
      ['ADDED', 'ConfigMap', 'b'],
    ]);
  });

  it.each([
    { protocols: [AS_TESTER, 'base64.binary.k8s.io'], agreed: 'base64.binary.k8s.io', headers: {} },
    { protocols: ['v1.json'], agreed: 'v1.json' },
    { protocols: [], agreed: '' },
  ])('takes any protocol that is no token: $protocols', async ({ agreed, ...offer }) => {
    await using api = await start();
    await api.create('a');

    const { socket, events, reach } = await watch(api, `/api/v1/watch/namespaces/default/configmaps/a`, offer);
    await reach(1);

    expect(socket.protocol).toBe(agreed);
    expect(events()[0].object.metadata.name).toBe('a');
  });

  it('can come as Tables, and as protobuf without lengths', async () => {
    await using api = await start();
    await api.create('a');
    const accepting = (accept: string): Offer => ({ headers: { authorization: 'Bearer test-token', accept } });

    const tables = await watch(api, `${MAPS}?watch=true`, accepting('application/json;as=Table;v=v1;g=meta.k8s.io'));
    const protobuf = await watch(api, `${MAPS}?watch=true`, accepting(PROTOBUF));
    await tables.reach(1);
    await protobuf.reach(1);

    expect(tables.events()[0].object.kind).toBe('Table');
    // Field 1 of a WatchEvent: its type.
    expect(Buffer.from(protobuf.messages[0] as ArrayBuffer).toString('latin1')).toContain('\n\x05ADDED');
  });

  it('ends by itself after its timeout', async () => {
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    await using api = await start({ clock });
    const { reach, events, closed } = await watch(api, `${MAPS}?watch=1&timeoutSeconds=30&allowWatchBookmarks=true`);
    await reach(1);

    await clock.advance(31_000);

    expect(await closed).toBe(1000);
    expect(events().map(({ type }) => type)).toEqual(['BOOKMARK', 'BOOKMARK']);
  });

  it('ends cleanly when the server stops', async () => {
    const api = await start();
    const { closed } = await watch(api, `${MAPS}?watch=1`);

    await api.close();

    expect(await closed).toBe(1000);
  });

  it('is counted, and forgotten when the client goes', async () => {
    await using api = await start();
    const { socket } = await watch(api, `${MAPS}?watch=true`);
    const lines = async (): Promise<string[]> => {
      const answer = await fetch(`${api.url}/metrics`, { headers: { authorization: 'Bearer test-token' } });
      return (await answer.text())
        .split('\n')
        .filter((line) => line.includes('resource="configmaps"') && line.includes('verb="WATCH"'));
    };

    const during = await lines();
    socket.close();

    expect(during).toEqual([
      expect.stringMatching(/^apiserver_request_total\{code="101",.*resource="configmaps".* 1$/),
      expect.stringMatching(/^apiserver_longrunning_requests\{.*resource="configmaps".* 1$/),
    ]);
    await vi.waitFor(async () => expect(await lines()).toHaveLength(1), WAIT);
  });

  it.each([`${MAPS}?watch=true&resourceVersion=x`, '/api/v1/namespaces/default/nothing?watch=true'])(
    'is refused as any watch is: %s',
    async (path) => {
      await using api = await start();

      await expect(watch(api, path)).rejects.toThrow('refused');
    },
  );
});
