import { Query } from '../request/query.ts';
import { API_SERVER_USER } from '../loopback.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { WatchNote } from '../storage/cache-event.ts';
import type { ResourceStorage } from '../storage/resource-storage.ts';
import type { Watcher } from '../storage/watcher-index.ts';
import type { Call, Services } from '../verbs/call.ts';
import { deleteCollection } from '../verbs/delete-collection.ts';

/** Deletes all objects of a kind, as a client would, and says how many are left: those that a finalizer holds. */
export async function deleteInstances(services: Services, definition: ResourceDefinition): Promise<number> {
  const storage = services.storages.of(definition);
  await storage.cache.fresh();
  if (storage.cache.size > 0) await deleteCollection(callOf(services, definition, storage));
  await storage.cache.fresh();
  return storage.cache.size;
}

function callOf(services: Services, definition: ResourceDefinition, storage: ResourceStorage): Call {
  const { group, version, resource } = definition;
  const request = {
    method: 'DELETE',
    path: `/apis/${group}/${version}/${resource}`,
    query: Query.EMPTY,
    user: API_SERVER_USER,
    body: undefined,
    accept: undefined,
    userAgent: undefined,
    signal: undefined,
  };
  const info = {
    isResource: true,
    group,
    version,
    namespace: undefined,
    resource,
    name: undefined,
    subresource: undefined,
    rest: '',
    legacyWatch: false,
  };
  const common = { services, request, info, definition, storage, user: API_SERVER_USER };
  return { ...common, namespace: undefined, name: '', dryRun: false, warn: () => undefined, authorize: async () => undefined };
}

/** Tells, each time, that objects of a kind have come or gone. The storage's cache must be ready. */
export class InstanceWatch implements Watcher, Disposable {
  readonly selection = { fields: [] };
  readonly #storage: ResourceStorage;
  readonly #onChange: () => void;

  constructor(storage: ResourceStorage, onChange: () => void) {
    this.#storage = storage;
    this.#onChange = onChange;
    storage.cache.watch(this, { from: 'revision', revision: storage.cache.revision });
  }

  notes(notes: readonly WatchNote[]): void {
    if (notes.some(({ type }) => type !== 'MODIFIED')) this.#onChange();
  }

  end(): void {
    this.#onChange();
  }

  [Symbol.dispose](): void {
    this.#storage.cache.unwatch(this);
  }
}
