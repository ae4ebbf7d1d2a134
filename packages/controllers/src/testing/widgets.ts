import type { Kind, KubernetesObject } from '@keelson/api';
import type { TestApiServer } from '@keelson/api-server/testing';

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
