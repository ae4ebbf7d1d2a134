import type { KubernetesObject } from '@keelson/api';
import type { WatchEvent } from '@keelson/client';
import { firstValueFrom, scan, filter } from 'rxjs';
import { expect, it } from 'vitest';
import { startTestApiServer } from './testing.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';

function configMap(name: string, data: Record<string, string> = {}): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
}

it('creates, reads, changes, lists, watches and deletes', async () => {
  await using api = await startTestApiServer();
  const { transport } = api;

  const created = (await transport.request({ method: 'POST', path: MAPS, body: configMap('a', { x: '1' }) }))
    .body as KubernetesObject;
  const seen = firstValueFrom(
    transport.watch({ method: 'GET', path: MAPS }).pipe(
      scan((all, events) => [...all, ...events], [] as WatchEvent[]),
      filter((all) => all.length === 3),
    ),
  );
  const read = await transport.request({ method: 'GET', path: `${MAPS}/a` });
  expect(read.body).toEqual(created);
  const changed = await transport.request({ method: 'PUT', path: `${MAPS}/a`, body: { ...configMap('a', { x: '2' }) } });
  expect(changed.body).toMatchObject({ data: { x: '2' }, metadata: { uid: created.metadata?.uid } });
  const listed = await transport.request({ method: 'GET', path: MAPS });
  expect(listed.body).toMatchObject({ kind: 'ConfigMapList', items: [{ metadata: { name: 'a' }, data: { x: '2' } }] });
  await transport.request({ method: 'DELETE', path: `${MAPS}/a` });
  await expect(transport.request({ method: 'GET', path: `${MAPS}/a` })).rejects.toMatchObject({ reason: 'NotFound' });
  expect((await seen).map(({ type }) => type)).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
});
