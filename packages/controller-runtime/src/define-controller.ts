import { type Kind, type KubernetesObject } from '@keelson/api';
import { assert, type Clock, type Logger, type Runnable } from '@keelson/base';
import { createClient, type Client } from '@keelson/client';
import type { Registry } from 'prom-client';
import { addFinalizer, hasFinalizer, removeFinalizer } from './apply.ts';
import { Controller, type ControllerOptions, type ReconcileContext, type ReconcileResult } from './controller.ts';
import type { EventRecorder } from './event-recorder.ts';
import type { InformerFactory } from './informer-factory.ts';
import type { InformerOptions, Lister } from './informer.ts';
import { OwnWrites } from './own-writes.ts';
import type { Predicate } from './predicates.ts';
import { tracedTransport } from './tracing.ts';
import { fromInformer, keyText, ownedBy, type NamespacedName, type Source } from './source.ts';

/** What the reconciler of a definition works with. */
export interface Reconciling extends ReconcileContext {
  readonly key: NamespacedName;
  /** What is written through it is in the caches when this object is reconciled the next time. */
  readonly client: Client;
  readonly events: Pick<EventRecorder, 'event'>;
  /** The cache of a kind that the definition names. Throws for other kinds: nobody would tell when they change. */
  cached<T extends KubernetesObject>(kind: Kind<T>): Lister<T>;
}

/** Objects of another kind that matter to those of the definition. Made by `watch` or `reads`. */
export interface Watched {
  readonly kind: Kind;
  readonly source: (informers: InformerFactory) => Source | undefined;
  readonly informer: (informers: InformerFactory) => Lister<KubernetesObject>;
}

/**
 * A controller of the objects of one kind. They are reconciled when they change, when what they own changes, and when what `watches` names
 * changes; what `reads` names can be read from caches too.
 */
export interface ControllerDefinition<T extends KubernetesObject> {
  /** In logs, events and metrics. The kind's resource if absent. */
  readonly name?: string;
  readonly for: Kind<T>;
  /** Which of the objects it is for. All if absent. */
  readonly select?: InformerOptions<T>;
  /** Which of their changes count. All if absent. */
  readonly when?: Predicate<T>;
  /** Kinds that are made for the objects, with a controller reference to them. */
  readonly owns?: readonly Kind[];
  readonly watches?: readonly Watched[];
  readonly sources?: readonly Source[];
  /**
   * Makes the world as `object` wants it. Called again and again, also when nothing has changed; it works out what is missing and does that.
   * Not called for objects that are gone, nor, if there is a finalizer, for those that are going.
   */
  readonly reconcile: (object: T, context: Reconciling) => Promise<ReconcileResult | void>;
  /**
   * Keeps each object until `cleanUp` has resolved without asking to be called again. The finalizer is put on an object before it is first
   * reconciled.
   */
  readonly finalizer?: {
    /** Qualified: `example.com/cleanup`. */
    readonly name: string;
    readonly cleanUp: (object: T, context: Reconciling) => Promise<ReconcileResult | void>;
  };
  readonly options?: ControllerOptions;
}

/** What a controller runs on. A `Manager` has all of it. */
export interface ControllerWorld {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly events: Pick<EventRecorder, 'event'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: Registry | undefined;
}

/** Changes of objects of `kind`, each of which matters to the objects whose keys `map` gives. */
export function watch<W extends KubernetesObject>(
  kind: Kind<W>,
  map: (object: W) => readonly NamespacedName[],
  { when, select = {} }: { readonly when?: Predicate<W>; readonly select?: InformerOptions<W> } = {},
): Watched {
  return {
    kind,
    source: (informers) => fromInformer(informers.for(kind, select), (object) => map(object), when),
    informer: (informers) => informers.for(kind, select),
  };
}

/** A kind that is read from the cache; its changes bring no reconciliation. */
export function reads<R extends KubernetesObject>(kind: Kind<R>, select: InformerOptions<R> = {}): Watched {
  return { kind, source: () => undefined, informer: (informers) => informers.for(kind, select) };
}

/** Makes the controller of a definition, not yet started. The informers that it needs are asked for at once. */
export function defineController<T extends KubernetesObject>(
  definition: ControllerDefinition<T>,
  world: ControllerWorld,
): Runnable {
  const { owns = [], watches = [], sources = [], when, select = {}, options } = definition;
  const { informers, clock, logger, metrics } = world;
  const name = definition.name ?? definition.for.resource;
  const objects = informers.for(definition.for, select);
  const reconciler = new DefinedReconciler(definition, objects, world);
  const all: Source[] = [fromInformer(objects, undefined, when), forgetting(objects, reconciler), ...sources];
  for (const kind of owns) all.push(ownedBy(informers.for(kind), definition.for));
  for (const { source } of watches) all.push(...[source(informers)].filter((made) => made !== undefined));
  return new Controller({ name, reconciler, sources: all, clock, logger, ...(metrics && { metrics }) }, options);
}

/** Brings no keys; drops what is remembered of objects that are gone. */
function forgetting<T extends KubernetesObject>(
  objects: Parameters<typeof fromInformer<T>>[0],
  reconciler: DefinedReconciler<T>,
): Source {
  return fromInformer(
    objects,
    (object, { type }) => {
      if (type === 'deleted') reconciler.forget(object);
      return [];
    },
    undefined,
  );
}

class DefinedReconciler<T extends KubernetesObject> {
  readonly #definition: ControllerDefinition<T>;
  readonly #objects: Lister<T>;
  readonly #world: ControllerWorld;
  readonly #caches = new Map<string, Lister<KubernetesObject>>();
  readonly #ownWrites: OwnWrites;

  constructor(definition: ControllerDefinition<T>, objects: Lister<T>, world: ControllerWorld) {
    const { owns = [], watches = [] } = definition;
    this.#definition = definition;
    this.#objects = objects;
    this.#world = world;
    this.#ownWrites = new OwnWrites(world);
    for (const kind of owns) this.#caches.set(nameOfKind(kind), world.informers.for(kind));
    for (const { kind, informer } of watches) this.#caches.set(nameOfKind(kind), informer(world.informers));
    this.#caches.set(nameOfKind(definition.for), objects);
  }

  forget({ metadata }: KubernetesObject): void {
    this.#ownWrites.forget(keyText({ namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' }));
  }

  async reconcile(key: NamespacedName, context: ReconcileContext): Promise<ReconcileResult | void> {
    const own = await this.#ownWrites.settle(keyText(key), context);
    const object = this.#objects.getByKey(keyText(key));
    if (!object) return;
    const reconciling: Reconciling = {
      ...context,
      key,
      client: createClient(tracedTransport(own.transport)),
      events: this.#world.events,
      cached: (kind) => this.#cacheOf(kind),
    };
    const { finalizer, reconcile } = this.#definition;
    if (!finalizer) return reconcile(object, reconciling);
    if (object.metadata?.deletionTimestamp !== undefined) return this.#cleanUp(object, finalizer, reconciling);
    const kept = await addFinalizer(reconciling.client, this.#definition.for, object, finalizer.name);
    return kept && reconcile(kept, reconciling);
  }

  async #cleanUp(
    object: T,
    { name, cleanUp }: NonNullable<ControllerDefinition<T>['finalizer']>,
    context: Reconciling,
  ): Promise<ReconcileResult | void> {
    if (!hasFinalizer(object, name)) return;
    const result = await cleanUp(object, context);
    if (result && (result.requeue || result.requeueAfterMs !== undefined)) return result;
    await removeFinalizer(context.client, this.#definition.for, object, name);
  }

  #cacheOf<R extends KubernetesObject>(kind: Kind<R>): Lister<R> {
    const cache = this.#caches.get(nameOfKind(kind));
    assert(cache, `the definition of "${this.#definition.name ?? this.#definition.for.resource}" names kind ${kind.kind}`);
    // Kept under the name of its kind.
    return cache as Lister<R>;
  }
}

function nameOfKind({ group, version, resource }: Kind): string {
  return `${group}/${version}/${resource}`;
}
