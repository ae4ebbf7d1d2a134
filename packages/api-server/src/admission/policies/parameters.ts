import { labelSelectorFrom } from '@keelson/api';
import type { ParamKind, ParamRef } from '@keelson/api/admissionregistration/v1';
import type { ResourceDefinition } from '../../registry/resource-definition.ts';
import type { Services } from '../../verbs/call.ts';
import { seenAs } from '../dynamic/review-request.ts';

type Sources = Pick<Services, 'registry' | 'storages'>;

/** The objects that a binding hands to its policy, one after the other; `undefined` stands for none. Or why there are none. */
export type Parameters = { readonly params: readonly unknown[] } | { readonly error: string };

const NO_PARAMS: Parameters = { params: [undefined] };

/** Finds the parameters of a binding for a request in `namespace`. */
export async function findParameters(
  sources: Sources,
  kind: ParamKind | undefined,
  { ref, namespace }: { readonly ref: ParamRef | undefined; readonly namespace: string },
): Promise<Parameters> {
  if (!kind || !ref) return NO_PARAMS;
  const [version = '', group = ''] = (kind.apiVersion ?? '').split('/').toReversed();
  const definition = sources.registry.findKind(group, version, kind.kind ?? '');
  if (!definition?.storage) return { error: `paramKind kind \`${group}/${version}, Kind=${kind.kind}\` not known` };
  const place = placeOf(definition, ref, namespace);
  if ('error' in place) return place;
  const params = await read(sources, definition, { ref, namespace: place.namespace });
  if (params.length > 0 || ref.parameterNotFoundAction !== 'Deny') return { params };
  return { error: 'no params found for policy binding with `Deny` parameterNotFoundAction' };
}

function placeOf(
  { namespaced }: ResourceDefinition,
  ref: ParamRef,
  namespace: string,
): { namespace: string | undefined } | { error: string } {
  if (!namespaced) {
    return ref.namespace
      ? { error: 'paramRef.namespace must not be provided for a cluster-scoped `paramKind`' }
      : { namespace: undefined };
  }
  const found = ref.namespace || namespace;
  return found === ''
    ? { error: 'cannot use namespaced paramRef in policy binding that matches cluster-scoped resources' }
    : { namespace: found };
}

async function read(
  { storages }: Sources,
  definition: ResourceDefinition,
  { ref, namespace }: { ref: ParamRef; namespace: string | undefined },
): Promise<readonly unknown[]> {
  const storage = storages.of(definition);
  if (ref.name) {
    const item = await storage.cached(namespace, ref.name);
    return item ? [seenAs(item.object(), definition)] : [];
  }
  await storage.cache.ready();
  const selector = labelSelectorFrom(ref.selector);
  return storage.cache
    .list(namespace)
    .map((item) => item.object())
    .filter(({ metadata }) => selector.matches(metadata?.labels ?? {}))
    .map((object) => seenAs(object, definition));
}
