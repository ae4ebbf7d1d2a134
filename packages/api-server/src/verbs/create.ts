import { alreadyExists, badRequest, definitionOf, formatTime, randomSuffix, type KubernetesObject } from '@keelson/api';
import { errorMessage, KeelsonError } from '@keelson/base';
import { checkManagerOptions } from '../managed-fields/manager-name.ts';
import { trackCreation } from '../managed-fields/track.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { ApiResult } from '../response/api-result.ts';
import { invalid } from '../validation/field-error.ts';
import { validateObjectMeta } from '../validation/metadata.ts';
import { judge, mutate } from './admit.ts';
import { decodeBody } from './body.ts';
import { hasGeneration, metaOf, strategyContext, type Call } from './call.ts';
import { dryRunResult, isStoreConflict, MAX_TRIES, objectResult } from './finish.ts';

const SUFFIX_LENGTH = 5;
const MAX_GENERATED_BASE = 58;

/** POST to a collection. */
export async function create(call: Call): Promise<ApiResult> {
  checkManagerOptions(call.request, 'CreateOptions');
  return createObject(call, decodeBody(call));
}

/**
 * Creates `object`, which belongs to this function, in the stored version. What it says becomes the client's, unless `isTracked`: then it
 * notes already who owns what.
 */
export async function createObject(call: Call, object: KubernetesObject, isTracked = false): Promise<ApiResult> {
  const meta = metaOf(object);
  checkAddress(call, meta);
  const generateName = meta.name ? undefined : meta.generateName || undefined;
  takeOver(call, object);
  if (generateName !== undefined) generate(meta, generateName);
  call.definition.strategy.setDefaults?.(object);
  if (!isTracked) trackCreation(call, object);
  const prepared = await prepare(call, object);
  if (call.dryRun) return dryRun(call, prepared);
  // A client may watch from the revision of what it has created: the cache must not begin later than that.
  await call.storage.cache.ready();
  for (let tries = 1; ; tries += 1) {
    const item = await tryToStore(call, prepared, generateName !== undefined && tries < MAX_TRIES);
    if (item) return objectResult(call, item, 201);
    if (tries >= MAX_TRIES) throw new KeelsonError('Conflict', `Cannot create "${meta.name}": too much changes at the same time`);
    if (generateName !== undefined) generate(metaOf(prepared), generateName);
    await call.definition.strategy.allocate?.(prepared, undefined, strategyContext(call));
  }
}

function checkAddress(call: Call, meta: NonNullable<KubernetesObject['metadata']>): void {
  const { definition, namespace } = call;
  if (definition.namespaced) {
    if (meta.namespace && meta.namespace !== namespace) {
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    }
    if (namespace === undefined) throw badRequest('an empty namespace may not be set during creation');
    meta.namespace = namespace;
  } else {
    delete meta.namespace;
  }
  if (call.name !== '' && meta.name && meta.name !== call.name) {
    throw badRequest(`the name of the object (${meta.name}) does not match the name on the URL (${call.name})`);
  }
  if (meta.resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created');
}

/** What only the server says about an object. */
function takeOver(call: Call, object: KubernetesObject): void {
  const { definition, services } = call;
  const meta = metaOf(object);
  delete meta.resourceVersion;
  delete meta.selfLink;
  delete meta.deletionTimestamp;
  delete meta.deletionGracePeriodSeconds;
  delete meta.generation;
  meta.uid = crypto.randomUUID();
  meta.creationTimestamp = formatTime(services.clock.now());
  if (hasGeneration(definition) && definition.strategy.hasGeneration !== 'after-change') meta.generation = 1;
  if ('status' in definition.subresources && definition.strategy.keepsStatusOnCreate !== true) dropStatus(object, definition);
}

/** Most kinds of Kubernetes' own always show a status, if only an empty one. */
function dropStatus(object: KubernetesObject & { status?: unknown }, { schema }: ResourceDefinition): void {
  const fact = definitionOf(schema.mergeKeys ?? '')?.fields?.['status'];
  if (fact?.always === 1 && fact.ptr !== 1) object.status = {};
  else delete object.status;
}

function generate(meta: NonNullable<KubernetesObject['metadata']>, base: string): void {
  meta.name = base.slice(0, MAX_GENERATED_BASE) + randomSuffix(SUFFIX_LENGTH);
}

async function prepare(call: Call, given: KubernetesObject): Promise<KubernetesObject> {
  const { strategy } = call.definition;
  const context = strategyContext(call);
  if (strategy.load) await strategy.load();
  let object = given;
  strategy.prepareForCreate?.(object, context);
  if (call.services.mutators.length > 0) {
    object = await mutate(call, { operation: 'CREATE', object, old: undefined });
    strategy.setDefaults?.(object);
  }
  await strategy.allocate?.(object, undefined, context);
  check(call, object);
  await judge(call, { operation: 'CREATE', object, old: undefined });
  return object;
}

function check(call: Call, object: KubernetesObject): void {
  const { definition } = call;
  const { strategy, namespaced, group, kind } = definition;
  const context = strategyContext(call);
  const errors = [
    ...validateObjectMeta(metaOf(object), { namespaced, nameRule: strategy.nameRule }),
    ...(strategy.validate?.(object, context) ?? []),
    ...(strategy.validateCreate?.(object, context) ?? []),
  ];
  if (errors.length > 0) throw invalid({ group, kind, name: object.metadata?.name ?? '' }, errors);
  for (const warning of strategy.warnings?.(object, undefined) ?? []) call.warn(warning);
}

async function dryRun(call: Call, object: KubernetesObject): Promise<ApiResult> {
  const name = object.metadata?.name ?? '';
  if (await call.storage.current(call.namespace, name)) throw alreadyExists(call.definition, name);
  return dryRunResult(call, object, 201);
}

/** Nothing if the write should be tried again. */
async function tryToStore(call: Call, object: KubernetesObject, retryName: boolean) {
  const { storage, definition, services, namespace } = call;
  const name = object.metadata?.name ?? '';
  const companions = definition.strategy.companions?.(object, undefined);
  const ttlSeconds = definition.kind === 'Event' ? services.eventTtlSeconds : undefined;
  // A write that fails hands the object back: the draft of it is dropped with the failed commit.
  try {
    return await storage.put(storage.key(namespace, name), object, { expected: 0, companions, ttlSeconds });
  } catch (error) {
    if (!isStoreConflict(error)) throw error;
    if (!(await storage.current(namespace, name))) return undefined;
    if (retryName) return undefined;
    services.logger.debug('object exists already', { name, error: errorMessage(error) });
    throw alreadyExists(definition, name);
  }
}
