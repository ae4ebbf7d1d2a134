import { ConfigMap } from '@keelson/api/core/v1';
import { startTestApiServer } from '@keelson/api-server/testing';
import { createClient, httpsTransport } from '@keelson/client';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { metadataTransport } from './metadata-transport.ts';

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
});
