import { ConfigMap } from '@keelson/api/core/v1';
import { startTestApiServer } from '@keelson/api-server/testing';
import { silentLogger, SystemClock } from '@keelson/base';
import { createClient, httpsTransport } from '@keelson/client';
import { InformerFactory, metadataTransport } from '@keelson/controller-runtime';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';

describe('metadataTransport over HTTP', () => {
  it('brings the metadata of objects, and nothing else of them', async () => {
    await using api = await startTestApiServer({ http: true, namespaces: ['default'] });
    const transport = metadataTransport(httpsTransport({ server: api.url ?? '', namespace: 'default' }));
    const configMaps = createClient(transport).resource(ConfigMap);
    await createClient(api.transport)
      .resource(ConfigMap)
      .create({ metadata: { name: 'a', namespace: 'default' }, data: { much: 'x' } });

    const { items } = await configMaps.list({ limit: 10 });
    const one = await configMaps.get({ name: 'a', namespace: 'default' });
    const [event] = await firstValueFrom(configMaps.watch({ namespace: 'default', resourceVersion: '0' }));
    await transport.close();

    const seen = [...items, one, event?.object];
    expect(seen.map((object) => object?.metadata?.name)).toEqual(['a', 'a', 'a']);
    expect(seen.filter((object) => object !== undefined && 'data' in object)).toEqual([]);
  });

  it.each([{ http: true }, { http: false }])('is what informers of metadata hold (over HTTP: $http)', async ({ http }) => {
    await using api = await startTestApiServer({ ...(http && { http }), namespaces: ['default'] });
    const transport = http ? httpsTransport({ server: api.url ?? '', namespace: 'default' }) : api.transport;
    const client = createClient(transport);
    const make = (name: string) =>
      createClient(api.transport)
        .resource(ConfigMap)
        .create({ metadata: { name, namespace: 'default', labels: { l: name } }, data: { much: 'x' } });
    await make('a');
    const informers = new InformerFactory({ client, clock: new SystemClock(), logger: silentLogger });
    const informer = informers.for(ConfigMap, { metadataOnly: true, namespace: 'default' });
    const whole = informers.for(ConfigMap, { namespace: 'default' });
    await informers.start(new AbortController().signal);
    await make('b');
    const both = (): boolean => informer.size === 2 && whole.size === 2;
    await informer.until(both, AbortSignal.timeout(60_000)).catch(() => undefined);
    await whole.until(both, AbortSignal.timeout(60_000));
    await informers.stop();
    if (http) await transport.close();

    expect(informer.list().map(({ metadata, data }) => [metadata?.labels, data])).toEqual([
      [{ l: 'a' }, undefined],
      [{ l: 'b' }, undefined],
    ]);
    expect(whole.get('b', 'default')?.data).toEqual({ much: 'x' });
  });
});
