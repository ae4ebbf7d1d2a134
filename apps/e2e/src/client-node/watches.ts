import { makeInformer, PatchStrategy, setHeaderOptions, Watch, type V1ConfigMap, type V1Status } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { eventually } from '../testing/run.ts';
import type { ClientWorld } from './client-world.ts';

const MERGE = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);

/** What follows objects. */
export function watchTests(the: () => ClientWorld): void {
  const pathOf = (namespace: string): string => `/api/v1/namespaces/${namespace}/configmaps`;

  describe('watch', () => {
    it('tells of what happens, from a resource version on', async () => {
      const { config, core, namespace } = the();
      await the().createMap('before');
      const { metadata } = await core.listNamespacedConfigMap({ namespace });
      const query = { resourceVersion: metadata?.resourceVersion, fieldSelector: 'metadata.name!=kube-root-ca.crt' };
      const seen: string[] = [];
      const ended = Promise.withResolvers<unknown>();
      const see = (phase: string, { metadata: of }: V1ConfigMap): number => seen.push(`${phase} ${of?.name}`);
      const watching = await new Watch(config).watch(pathOf(namespace), query, see, ended.resolve);

      await the().createMap('a');
      await core.patchNamespacedConfigMap({ name: 'a', namespace, body: { data: { k: 'v' } } }, MERGE);
      await core.deleteNamespacedConfigMap({ name: 'a', namespace });
      await eventually('three events', async () => seen.length >= 3);
      watching.abort();
      await ended.promise;

      expect(seen).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
    });

    it('is told that a resource version is too old', async () => {
      const { config, namespace } = the();
      const told = Promise.withResolvers<unknown>();
      const see = (phase: string, { code }: V1Status): void => told.resolve([phase, code]);

      await new Watch(config).watch(pathOf(namespace), { resourceVersion: '1' }, see, told.reject);

      expect(await told.promise).toEqual(['ERROR', 410]);
    });
  });

  describe('informer', () => {
    it('has what is there, follows what happens, and goes on after a stop', async () => {
      const { config, core, namespace } = the();
      await the().createMap('a');
      const list = () => core.listNamespacedConfigMap({ namespace, labelSelector: 'team=red' });
      const informer = makeInformer(config, pathOf(namespace), list, 'team=red');
      const seen: string[] = [];
      for (const verb of ['add', 'update', 'delete'] as const)
        informer.on(verb, ({ metadata }) => seen.push(`${verb} ${metadata?.name}`));
      const label = (team: string | null): Promise<V1ConfigMap> =>
        core.patchNamespacedConfigMap({ name: 'a', namespace, body: { metadata: { labels: { team } } } }, MERGE);

      await informer.start();
      await label('red');
      await eventually('the one that matches now', async () => informer.get('a', namespace) !== undefined);
      await label(null);
      await eventually('that it no longer does', async () => informer.get('a', namespace) === undefined);
      await informer.stop();
      await label('red');
      await informer.start();
      await eventually('it again', async () => informer.list(namespace).length === 1);
      await informer.stop();

      expect(seen).toEqual(['add a', 'delete a', 'add a']);
    });
  });
}
