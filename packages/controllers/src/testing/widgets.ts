import { eventually } from '@keelson/base/testing';
import type { Kind, KubernetesObject } from '@keelson/api';
import type { TestApiServer } from '@keelson/api-server/testing';
import { CustomResourceDefinition } from '@keelson/api/apiextensions/v1';
import type { Client } from '@keelson/client';

/** A kind that is not built in. */
export const Widget: Kind<KubernetesObject> = {
  group: 'example.com',
  version: 'v1',
  kind: 'Widget',
  resource: 'widgets',
  namespaced: true,
};

/** Serves widgets, whose content is like that of ConfigMaps, until what it gives is disposed. */
export function serveWidgets({ server }: TestApiServer): Disposable {
  const like = server.registry.find('', 'v1', 'configmaps');
  if (!like) throw new Error('ConfigMaps are not served');
  const { group, version, kind, resource } = Widget;
  const storage = { group, version, prefix: `${group}/${resource}` };
  const names = { group, version, kind, resource, listKind: 'WidgetList', singular: 'widget', shortNames: [] };
  const definitions = [{ ...like, ...names, storage }];
  server.registry.replace([], definitions);
  return { [Symbol.dispose]: () => server.registry.replace(definitions, []) };
}

/** Defines widgets as a user does, and resolves when they are served. */
export async function defineWidgets(client: Client): Promise<void> {
  const { group, version, kind, resource } = Widget;
  const name = `${resource}.${group}`;
  const openAPIV3Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const versions = [{ name: version, served: true, storage: true, schema: { openAPIV3Schema } }];
  const definitions = client.resource(CustomResourceDefinition);
  await definitions.create({
    metadata: { name },
    spec: { group, scope: 'Namespaced', names: { kind, plural: resource }, versions },
  });
  await eventually(async () => {
    const { status } = await definitions.get({ name });
    return status?.conditions?.some(({ type, status: is }) => type === 'Established' && is === 'True') === true;
  });
}
