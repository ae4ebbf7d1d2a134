import {
  ApiException,
  AppsV1Api,
  Health,
  KubernetesObjectApi,
  PatchStrategy,
  setHeaderOptions,
  VersionApi,
  type V1Deployment,
  type V1Pod,
  type V1Status,
} from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { eventually } from '../testing/run.ts';
import { failureOf, type ClientWorld } from './client-world.ts';

const deployment = (name: string, namespace: string, replicas: number): V1Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'web', image: 'nginx' }] } },
  },
});

/** What the typed and the generic API do with objects. */
export function objectTests(the: () => ClientWorld): void {
  describe('objects', () => {
    it('creates, reads, lists, replaces and deletes', async () => {
      const { core, namespace } = the();
      const named = { name: 'a', namespace };
      const created = await the().createMap('a', { k: 'v' });
      expect(created.metadata?.creationTimestamp).toBeInstanceOf(Date);
      await the().createMap('b');

      created.data = { k: 'w' };
      expect((await core.replaceNamespacedConfigMap({ ...named, body: created })).data).toEqual({ k: 'w' });
      expect(await failureOf(core.replaceNamespacedConfigMap({ ...named, body: created }))).toBe(409);

      const { items, metadata } = await core.listNamespacedConfigMap({
        namespace,
        fieldSelector: 'metadata.name!=kube-root-ca.crt',
      });
      expect(items.map((item) => item.metadata?.name)).toEqual(['a', 'b']);
      expect(metadata?.resourceVersion).toMatch(/^\d+$/);
      await core.deleteNamespacedConfigMap(named);
      expect(await failureOf(core.readNamespacedConfigMap(named))).toBe(404);
      await core.deleteCollectionNamespacedConfigMap({ namespace });
      expect(await failureOf(core.readNamespacedConfigMap({ name: 'b', namespace }))).toBe(404);
    });

    it('lists page by page', async () => {
      const { core, namespace } = the();
      for (const name of ['a', 'b', 'c']) await the().createMap(name);
      const fieldSelector = 'metadata.name!=kube-root-ca.crt';

      const first = await core.listNamespacedConfigMap({ namespace, fieldSelector, limit: 2 });
      const _continue = first.metadata?._continue ?? '';
      const second = await core.listNamespacedConfigMap({ namespace, fieldSelector, limit: 2, _continue });

      expect([first, second].map(({ items }) => items.map((item) => item.metadata?.name))).toEqual([['a', 'b'], ['c']]);
      expect(second.metadata?._continue).toBeUndefined();
    });

    it('tells by Status what is wrong', async () => {
      const { core, namespace } = the();
      const body: V1Pod = { metadata: { name: 'x' }, spec: { containers: [] } };

      const error: unknown = await core.createNamespacedPod({ namespace, body }).catch((each: unknown) => each);

      expect(error).toBeInstanceOf(ApiException);
      const status = JSON.parse(String((error as ApiException<string>).body)) as V1Status;
      expect(status).toMatchObject({ code: 422, reason: 'Invalid', details: { causes: [{ field: 'spec.containers' }] } });
    });

    it('works with any kind by what discovery says', async () => {
      const { config, namespace } = the();
      const objects = KubernetesObjectApi.makeApiClient(config);
      const web = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace } };
      await objects.create(deployment('web', namespace, 2));
      await eventually('both replicas', async () => (await objects.read<V1Deployment>(web)).status?.readyReplicas === 2);

      const fewer = { ...web, spec: { replicas: 1 } } as V1Deployment;
      await objects.patch(fewer, undefined, undefined, undefined, undefined, PatchStrategy.MergePatch);
      const { items } = await objects.list<V1Deployment>('apps/v1', 'Deployment', namespace);
      expect(items.map(({ spec }) => spec?.replicas)).toEqual([1]);
      await objects.delete(web);
    });

    it('scales by the subresource', async () => {
      const { config, namespace } = the();
      const apps = config.makeApiClient(AppsV1Api);
      const named = { name: 'x', namespace };
      await apps.createNamespacedDeployment({ namespace, body: deployment('x', namespace, 1) });

      const scale = await apps.readNamespacedDeploymentScale(named);
      await apps.replaceNamespacedDeploymentScale({ ...named, body: { metadata: named, spec: { replicas: 4 } } });

      expect(scale).toMatchObject({ kind: 'Scale', spec: { replicas: 1 }, status: { selector: 'app=x' } });
      expect((await apps.readNamespacedDeployment(named)).spec?.replicas).toBe(4);
    });

    it('asks for the version and the health', async () => {
      expect((await the().config.makeApiClient(VersionApi).getCode()).gitVersion).toMatch(/^v1\.36\./);
      expect(await new Health(the().config).readyz({})).toBe(true);
    });
  });

  describe('server-side apply', () => {
    it('creates, changes, tells conflicts, and takes fields by force', async () => {
      const { config, core, namespace } = the();
      const objects = KubernetesObjectApi.makeApiClient(config);
      const metadata = { name: 'applied', namespace };
      const apply = (data: Record<string, string>, manager: string, force?: boolean): Promise<unknown> => {
        const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
        return objects.patch(object, undefined, undefined, manager, force, PatchStrategy.ServerSideApply);
      };
      const stored = async () => (await core.readNamespacedConfigMap(metadata)).data;

      await apply({ a: '1', b: '2' }, 'one');
      await apply({ a: '1' }, 'one');
      expect(await stored()).toEqual({ a: '1' });
      expect(await failureOf(apply({ a: '3' }, 'two'))).toBe(409);
      await apply({ a: '3' }, 'two', true);
      expect(await stored()).toEqual({ a: '3' });
    });
  });

  describe('patch', () => {
    it.each([
      { strategy: PatchStrategy.MergePatch, body: { data: { a: null, b: '2' } } },
      { strategy: PatchStrategy.StrategicMergePatch, body: { data: { a: null, b: '2' } } },
      {
        strategy: PatchStrategy.JsonPatch,
        body: [
          { op: 'remove', path: '/data/a' },
          { op: 'add', path: '/data/b', value: '2' },
        ],
      },
    ])('$strategy', async ({ strategy, body }) => {
      const { core, namespace } = the();
      await the().createMap('a', { a: '1', c: '3' });

      const call = { name: 'a', namespace, body };
      const patched = await core.patchNamespacedConfigMap(call, setHeaderOptions('Content-Type', strategy));

      expect(patched.data).toEqual({ b: '2', c: '3' });
    });
  });
}
