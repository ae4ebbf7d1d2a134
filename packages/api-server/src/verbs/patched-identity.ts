import { badRequest, type KubernetesObject } from '@keelson/api';
import { metaOf, type Call } from './call.ts';

/** A patch may not make another object of it. */
export function checkIdentity({ namespace, name }: Pick<Call, 'namespace' | 'name'>, object: KubernetesObject): void {
  const meta = metaOf(object);
  if (namespace !== undefined) meta.namespace ||= namespace;
  if ((meta.namespace ?? '') !== (namespace ?? '')) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (!meta.name) throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  if (meta.name !== name) throw badRequest(`the name of the object (${meta.name}) does not match the name on the URL (${name})`);
}
