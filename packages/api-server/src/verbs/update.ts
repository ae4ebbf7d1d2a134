import { badRequest, cloneJson, conflict, deepEqual, type KubernetesObject, notFound } from '@keelson/api';
import type { KeelsonError } from '@keelson/base';
import { checkManagerOptions } from '../managed-fields/manager-name.ts';
import { onlyPaths, ownableFields, type OwnableFields, type OwnablePath } from '../managed-fields/ownable-fields.ts';
import { isUnchanged, trackUpdate, withoutOwners } from '../managed-fields/track.ts';
import { STATUS_METADATA, type StatusMetadata } from '../registry/strategy.ts';
import type { ApiResult } from '../response/api-result.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import { invalid, type FieldError } from '../validation/field-error.ts';
import { validateObjectMetaUpdate } from '../validation/metadata.ts';
import { judge, mutate } from './admit.ts';
import { decodeBody } from './body.ts';
import { hasGeneration, metaOf, strategyContext, type Call } from './call.ts';
import { createObject } from './create.ts';
import { dryRunResult, objectResult, retrying } from './finish.ts';
import { shareParts } from './shared-parts.ts';

/** What an update is made of. */
export interface Change {
  /**
   * The object as it should become; it is private to the change. Called again if the object has changed meanwhile. `old` is frozen.
   */
  next(old: Readonly<KubernetesObject>, item: StoredObject): Promise<KubernetesObject> | KubernetesObject;
  /** Which part of the object may change: `status`, a part that a subresource is about, or all but the status. */
  readonly part: 'main' | 'status' | SubresourcePart;
  /** True if the server itself changes the object: it is not judged by the kind's validation, and nobody comes to own what is changed. */
  readonly unchecked?: boolean;
  /** True if `next` has noted already who owns what. Else what changes becomes the client's. */
  readonly isTracked?: boolean;
}

/** A subresource that writes a part of the object. */
export interface SubresourcePart {
  /** Puts back everything that the subresource may not change. */
  prepare(object: KubernetesObject, old: Readonly<KubernetesObject>): KubernetesObject;
  validate?(object: KubernetesObject, old: Readonly<KubernetesObject>): readonly FieldError[];
  /** What of the object a client can own through this subresource; what it can't is dropped from what it applies. */
  readonly ownable: readonly OwnablePath[];
}

/** What a client can own by a change to this part. */
export function ownableBy({ definition }: Pick<Call, 'definition'>, part: Change['part']): OwnableFields {
  return typeof part === 'string' ? ownableFields(definition, part) : onlyPaths(part.ownable);
}

/** PUT of an object or of its status. */
export async function update(call: Call): Promise<ApiResult> {
  checkManagerOptions(call.request, 'UpdateOptions');
  const body = decodeBody(call);
  checkAddress(call, body);
  const part = call.info.subresource === 'status' ? 'status' : 'main';
  const { strategy } = call.definition;
  const known = await findItem(call);
  if (!known && strategy.allowCreateOnUpdate === true && part === 'main' && !metaOf(body).resourceVersion) {
    await call.authorize('create');
    return createObject({ ...call, name: '' }, { ...body, metadata: { ...body.metadata, name: call.name } });
  }
  if (known && !metaOf(body).resourceVersion && strategy.allowUnconditionalUpdate === false) throw missingVersion(call);
  return replace(call, part, body);
}

/** PUT of a subresource that writes a part of the object. */
export async function updatePart(call: Call, part: SubresourcePart): Promise<ApiResult> {
  checkManagerOptions(call.request, 'UpdateOptions');
  const body = decodeBody(call);
  checkAddress(call, body);
  return replace(call, part, body);
}

/** A change to what is in the body; a retry decodes it again, as the first attempt has used it up. */
async function replace(call: Call, part: Change['part'], body: KubernetesObject): Promise<ApiResult> {
  let first: KubernetesObject | undefined = body;
  const next = (): KubernetesObject => {
    const object = first ?? decodeBody(call);
    first = undefined;
    if (call.namespace !== undefined) metaOf(object).namespace = call.namespace;
    return object;
  };
  return change(call, { part, next });
}

function missingVersion(call: Call): KeelsonError {
  const { group, kind } = call.definition;
  const field = 'metadata.resourceVersion';
  return invalid({ group, kind, name: call.name }, [
    { type: 'FieldValueInvalid', field, message: 'Invalid value: 0: must be specified for an update' },
  ]);
}

function checkAddress(call: Call, object: KubernetesObject): void {
  const meta = metaOf(object);
  const { definition, namespace, name } = call;
  if (meta.name === undefined || meta.name === '') throw badRequest('name must be provided');
  if (meta.name !== name) {
    throw badRequest(`the name of the object (${meta.name}) does not match the name on the URL (${name})`);
  }
  if (!definition.namespaced) return;
  if (meta.namespace && meta.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (namespace !== undefined) meta.namespace = namespace;
}

/** The object as far as the cache knows it, and for sure if it knows none. */
export async function findItem({ storage, namespace, name }: Call): Promise<StoredObject | undefined> {
  return (await storage.cached(namespace, name)) ?? (await storage.current(namespace, name));
}

/** Reads the object, makes the change and writes it, as often as it takes. */
export async function change(call: Call, wanted: Change): Promise<ApiResult> {
  let fresh = false;
  return retrying(async () => {
    const item = await (fresh ? call.storage.current(call.namespace, call.name) : findItem(call));
    const wasFresh = fresh;
    fresh = true;
    if (!item) throw notFound(call.definition, call.name);
    const old = item.object();
    const next = await wanted.next(old, item);
    if (!identityHolds(call, next, item)) {
      if (wasFresh || (await isCurrent(call, item))) throw identityError(call, next, item);
      return 'again';
    }
    return write(call, { item, old, next, wanted });
  });
}

async function isCurrent(call: Call, item: StoredObject): Promise<boolean> {
  const now = await call.storage.current(call.namespace, call.name);
  return now?.revision === item.revision;
}

function identityHolds(_call: Call, next: KubernetesObject, item: StoredObject): boolean {
  const { uid, resourceVersion } = metaOf(next);
  if (resourceVersion && resourceVersion !== item.resourceVersion) return false;
  return !uid || uid === item.object().metadata?.uid;
}

function identityError(call: Call, next: KubernetesObject, item: StoredObject): KeelsonError {
  const { uid } = metaOf(next);
  const actual = item.object().metadata?.uid;
  if (!uid || uid === actual) return conflict(call.definition, call.name);
  return conflict(call.definition, call.name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${actual}`);
}

interface Attempt {
  readonly item: StoredObject;
  readonly old: Readonly<KubernetesObject>;
  readonly next: KubernetesObject;
  readonly wanted: Change;
}

async function write(call: Call, { item, old, next, wanted }: Attempt): Promise<ApiResult> {
  const object = await prepare(call, { item, old, next, wanted });
  if (deepEqual(object, old)) {
    if (call.dryRun) return dryRunResult(call, object);
    // Objects are moved to another version by writing them as they are.
    if (!(await call.storage.isOutdated(item))) return objectResult(call, item);
  }
  const { strategy } = call.definition;
  if (endsDeletion(call, object)) {
    if (call.dryRun) return dryRunResult(call, object);
    await call.storage.remove(item, strategy.companions?.(undefined, old));
    return dryRunResult(call, object);
  }
  if (call.dryRun) return dryRunResult(call, object);
  const companions = strategy.companions?.(object, old);
  const ttlSeconds = call.definition.kind === 'Event' ? call.services.eventTtlSeconds : undefined;
  return objectResult(call, await call.storage.put(item.key, object, { expected: item.revision, companions, ttlSeconds }));
}

/** The last finalizer of an object that is being deleted is gone, and nothing else holds it. */
function endsDeletion(call: Call, object: KubernetesObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = metaOf(object);
  if (deletionTimestamp === undefined || (deletionGracePeriodSeconds ?? 0) > 0) return false;
  return (finalizers?.length ?? 0) === 0 && call.definition.strategy.isHeldBack?.(object) !== true;
}

async function prepare(call: Call, { item, old, next, wanted }: Attempt): Promise<KubernetesObject> {
  const { strategy } = call.definition;
  const context = strategyContext(call);
  if (strategy.load) await strategy.load();
  let object = next;
  keepServerMetadata(object, old, item);
  object = putBack(call, { object, old, wanted });
  strategy.setDefaults?.(object);
  track(call, { object, old, wanted });
  if (call.services.mutators.length > 0) {
    object = await mutate(call, { operation: 'UPDATE', object, old });
    strategy.setDefaults?.(object);
  }
  // A write that changes nothing is not judged: it may be of an object that older rules let in.
  if (isUnchanged(object, old)) return object;
  if (wanted.part === 'main') await strategy.allocate?.(object, old, context);
  // Nobody changes the object any more, but for its metadata.
  shareParts(object, old);
  countGeneration(call, { object, old, wanted });
  check(call, { object, old, wanted });
  await judge(call, { operation: 'UPDATE', object, old });
  return object;
}

function keepServerMetadata(object: KubernetesObject, old: Readonly<KubernetesObject>, item: StoredObject): void {
  const meta = metaOf(object);
  const before = old.metadata ?? {};
  meta.resourceVersion = item.resourceVersion;
  delete meta.selfLink;
  meta.uid = before.uid;
  meta.creationTimestamp ??= before.creationTimestamp;
  copyIfAbsent(meta, before, 'deletionTimestamp');
  copyIfAbsent(meta, before, 'deletionGracePeriodSeconds');
  if (before.deletionTimestamp === undefined) {
    delete meta.deletionTimestamp;
    delete meta.deletionGracePeriodSeconds;
  }
  if (before.generation === undefined) delete meta.generation;
  else meta.generation = before.generation;
}

type Meta = NonNullable<KubernetesObject['metadata']>;

function copyIfAbsent<K extends keyof Meta>(meta: Meta, before: Readonly<Meta>, field: K): void {
  if (meta[field] === undefined && before[field] !== undefined) meta[field] = before[field];
}

interface Prepared {
  readonly object: KubernetesObject;
  readonly old: Readonly<KubernetesObject>;
  readonly wanted: Change;
}

/** Notes who has changed what. */
function track(call: Call, { object, old, wanted }: Prepared): void {
  if (wanted.isTracked === true) return;
  if (wanted.unchecked !== true) return trackUpdate(call, { object, old, ownable: ownableBy(call, wanted.part) });
  const meta = metaOf(object);
  if (old.metadata?.managedFields) meta.managedFields = old.metadata.managedFields;
  else delete meta.managedFields;
}

/** Puts back what the request may not change, but for `metadata.managedFields`, which is not looked at. */
function putBack(call: Call, prepared: Prepared): KubernetesObject {
  const { managedFields } = metaOf(prepared.object);
  const object = withOldParts(call, prepared);
  if (managedFields === undefined) delete metaOf(object).managedFields;
  else metaOf(object).managedFields = managedFields;
  return object;
}

function withOldParts(call: Call, { object, old, wanted }: Prepared): KubernetesObject {
  const { strategy, subresources } = call.definition;
  const context = strategyContext(call);
  if (wanted.part === 'main') {
    if ('status' in subresources) setStatus(object, cloneJson(statusOf(old)));
    strategy.prepareForUpdate?.(object, old, context);
    return object;
  }
  if (wanted.part === 'status') {
    const whole = cloneJson(withoutOwners(old));
    setStatus(whole, statusOf(object));
    const meta = metaOf(whole);
    for (const field of strategy.statusMetadata ?? STATUS_METADATA) setOrDelete(meta, field, object.metadata?.[field]);
    strategy.prepareForStatusUpdate?.(whole, old, context);
    return whole;
  }
  return wanted.part.prepare(object, old);
}

function setOrDelete<K extends StatusMetadata>(meta: Meta, field: K, value: Meta[K]): void {
  if (value === undefined) delete meta[field];
  else meta[field] = value;
}

function statusOf(object: Readonly<KubernetesObject>): unknown {
  return (object as { status?: unknown }).status;
}

function setStatus(object: KubernetesObject, status: unknown): void {
  const target = object as { status?: unknown };
  if (status === undefined) delete target.status;
  else target.status = status;
}

function countGeneration(call: Call, { object, old, wanted }: Prepared): void {
  const { definition } = call;
  if (wanted.part === 'status' || !hasGeneration(definition)) return;
  const changed = definition.strategy.generationChanged ?? specChanged;
  const meta = metaOf(object);
  if (changed(object, old)) meta.generation = (old.metadata?.generation ?? 0) + 1;
}

function specChanged(object: KubernetesObject, old: Readonly<KubernetesObject>): boolean {
  return !deepEqual((object as { spec?: unknown }).spec, (old as { spec?: unknown }).spec);
}

function check(call: Call, { object, old, wanted }: Prepared): void {
  const { strategy, group, kind } = call.definition;
  const errors = [...validateObjectMetaUpdate(metaOf(object), old.metadata ?? {}), ...partErrors(call, { object, old, wanted })];
  if (errors.length > 0) throw invalid({ group, kind, name: call.name }, errors);
  if (wanted.part !== 'main') return;
  for (const warning of strategy.warnings?.(object, old) ?? []) call.warn(warning);
}

function partErrors(call: Call, { object, old, wanted }: Prepared): readonly FieldError[] {
  if (wanted.unchecked === true) return [];
  const { strategy } = call.definition;
  const context = strategyContext(call);
  if (wanted.part === 'status') return strategy.validateStatusUpdate?.(object, old, context) ?? [];
  if (wanted.part !== 'main')
    return [...(strategy.validate?.(object, context, old) ?? []), ...(wanted.part.validate?.(object, old) ?? [])];
  return [...(strategy.validate?.(object, context, old) ?? []), ...(strategy.validateUpdate?.(object, old, context) ?? [])];
}
