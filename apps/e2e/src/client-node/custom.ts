import {
  ApiextensionsV1Api,
  CustomObjectsApi,
  makeInformer,
  type KubernetesListObject,
  type KubernetesObject,
} from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { eventually } from '../testing/run.ts';
import { failureOf, type ClientWorld } from './client-world.ts';

interface Boat extends KubernetesObject {
  spec: { sails: number; crew?: number };
}

/** A kind of one's own. */
export function customTests(the: () => ClientWorld): void {
  describe('custom resources', () => {
    it('are defined, created with defaults, judged, and followed', async () => {
      const { config, namespace } = the();
      const group = `${namespace}.example.org`;
      const where = { group, version: 'v1', namespace, plural: 'boats' };
      const custom = config.makeApiClient(CustomObjectsApi);
      const boat = (name: string, sails: number): Boat => ({
        apiVersion: `${group}/v1`,
        kind: 'Boat',
        metadata: { name },
        spec: { sails },
      });
      await define(the(), group);

      const list = async () => (await custom.listNamespacedCustomObject(where)) as KubernetesListObject<Boat>;
      const informer = makeInformer<Boat>(config, `/apis/${group}/v1/namespaces/${namespace}/boats`, list);
      await informer.start();
      const created = (await custom.createNamespacedCustomObject({ ...where, body: boat('ketch', 2) })) as Boat;
      await eventually('the informer to have it', async () => informer.get('ketch', namespace));
      await informer.stop();

      expect(created.spec).toEqual({ sails: 2, crew: 3 });
      expect(await failureOf(custom.createNamespacedCustomObject({ ...where, body: boat('raft', 0) }))).toBe(422);
      expect((await list()).items.map(({ metadata }) => metadata?.name)).toEqual(['ketch']);
    });
  });
}

async function define({ config }: ClientWorld, group: string): Promise<void> {
  const definitions = config.makeApiClient(ApiextensionsV1Api);
  const name = `boats.${group}`;
  const spec = {
    type: 'object',
    properties: { sails: { type: 'integer', minimum: 1 }, crew: { type: 'integer', _default: 3 } },
  };
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec } } };
  const names = { plural: 'boats', singular: 'boat', kind: 'Boat' };
  const versions = [{ name: 'v1', served: true, storage: true, schema }];
  const body = { metadata: { name }, spec: { group, scope: 'Namespaced', names, versions } };
  await definitions.createCustomResourceDefinition({ body });
  await eventually('the kind to be served', async () => {
    const { status } = await definitions.readCustomResourceDefinition({ name });
    return status?.conditions?.some((each) => each.type === 'Established' && each.status === 'True');
  });
}
