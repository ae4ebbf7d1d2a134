import { cloneJson, forbidden } from '@keelson/api';
import type { ResourceQuota } from '@keelson/api/core/v1';
import type { Clock, KeelsonError } from '@keelson/base';
import type { Registry } from '../../registry/registry.ts';
import type { ResourceStorage, Storages } from '../../storage/resource-storage.ts';
import { encode, type StoredObject } from '../../storage/stored-object.ts';
import { isStoreConflict, MAX_TRIES } from '../../verbs/finish.ts';
import type { AdmissionRequest, AdmissionValidator } from '../admission.ts';
import { chargeOf, judgeByQuota, type QuotaCharge } from './quota-check.ts';

interface Dependencies {
  readonly registry: Registry;
  readonly storages: Storages;
  readonly clock: Clock;
}

/** A request that waits for its turn. */
interface Waiting {
  readonly request: AdmissionRequest;
  readonly charge: QuotaCharge;
  readonly done: PromiseWithResolvers<void>;
}

/** Quotas as they will be once they are written. */
interface Draft {
  readonly item: StoredObject;
  quota: ResourceQuota;
  isChanged: boolean;
}

/**
 * Lets nothing in that a quota of its namespace has no room for, and notes in the quota's status what is used now: in the status, since only
 * there two servers can see what the other has let in. Requests of a namespace that come at a time are judged one after the other and written together.
 */
export class ResourceQuotaAdmission implements AdmissionValidator {
  readonly name = 'ResourceQuota';
  readonly #dependencies: Dependencies;
  readonly #waiting = new Map<string, Waiting[]>();

  constructor({ registry, storages, clock }: Dependencies) {
    this.#dependencies = { registry, storages, clock };
  }

  async validate(request: AdmissionRequest): Promise<void> {
    if (request.namespace === '' || !isMeasured(request)) return;
    const storage = this.#quotas();
    await storage?.cache.ready();
    if (!storage || storage.cache.list(request.namespace).length === 0) return;
    const charge = chargeOf(request, this.#dependencies.clock.now());
    if (charge && !this.#isThere(request)) await this.#enter(storage, request, charge);
  }

  /** What exists will not be created, and so uses nothing more. */
  #isThere({ operation, resource, namespace, name }: AdmissionRequest): boolean {
    if (operation !== 'CREATE' || name === '') return false;
    const { registry, storages } = this.#dependencies;
    const definition = registry.find(resource.group, resource.version, resource.resource);
    return definition?.storage !== undefined && storages.of(definition).cache.get(namespace, name) !== undefined;
  }

  async #enter(storage: ResourceStorage, request: AdmissionRequest, charge: QuotaCharge): Promise<void> {
    const { namespace } = request;
    const waiting: Waiting = { request, charge, done: Promise.withResolvers() };
    const queue = this.#waiting.get(namespace);
    if (queue) queue.push(waiting);
    else {
      this.#waiting.set(namespace, [waiting]);
      void this.#serve(storage, namespace);
    }
    return waiting.done.promise;
  }

  /** Until nobody waits any more. Never rejects. */
  async #serve(storage: ResourceStorage, namespace: string): Promise<void> {
    for (let batch = this.#take(namespace); batch.length > 0; batch = this.#take(namespace)) {
      try {
        await this.#judgeAll(storage, namespace, batch);
      } catch (error) {
        for (const { done } of batch) done.reject(error);
      }
    }
  }

  /** All that wait; the place in the map stays as long as someone is served. */
  #take(namespace: string): readonly Waiting[] {
    const batch = this.#waiting.get(namespace) ?? [];
    if (batch.length === 0) this.#waiting.delete(namespace);
    else this.#waiting.set(namespace, []);
    return batch;
  }

  async #judgeAll(storage: ResourceStorage, namespace: string, batch: readonly Waiting[]): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      await storage.cache.fresh();
      const drafts = storage.cache.list(namespace).map((item) => ({ item, quota: quotaOf(item), isChanged: false }));
      const outcomes = batch.map((waiting) => ({ ...waiting, error: judge(waiting, drafts) }));
      if (await write(storage, drafts, tries >= MAX_TRIES)) {
        for (const { done, error } of outcomes)
          if (error) done.reject(error);
          else done.resolve();
        return;
      }
    }
  }

  #quotas(): ResourceStorage | undefined {
    const { registry, storages } = this.#dependencies;
    const definition = registry.find('', 'v1', 'resourcequotas');
    return definition && storages.of(definition);
  }
}

function quotaOf(item: StoredObject): ResourceQuota {
  // The storage has only these.
  return item.object() as ResourceQuota;
}

/** Of subresources only a resize asks for more. */
function isMeasured({ resource, subresource }: AdmissionRequest): boolean {
  return subresource === '' || (subresource === 'resize' && resource.group === '' && resource.resource === 'pods');
}

/** Why it is refused, if so. If not, and if it is meant, the drafts have it. */
function judge({ request, charge }: Waiting, drafts: readonly Draft[]): KeelsonError | undefined {
  const verdicts = drafts.map((draft) => ({ draft, verdict: judgeByQuota(draft.quota, charge) }));
  for (const { verdict } of verdicts) {
    if (verdict.type !== 'refused') continue;
    const { resource, name, object } = request;
    return forbidden(resource, name || (object?.metadata?.generateName ?? ''), verdict.message);
  }
  for (const { draft, verdict } of verdicts) {
    if (request.dryRun || verdict.type !== 'allowed' || !verdict.used) continue;
    draft.quota = { ...draft.quota, status: { ...draft.quota.status, used: { ...verdict.used } } };
    draft.isChanged = true;
  }
  return undefined;
}

/** All in one commit. False if a quota has been written by somebody else: then all has to be judged anew. */
async function write(storage: ResourceStorage, drafts: readonly Draft[], isLast: boolean): Promise<boolean> {
  const [first, ...others] = drafts.filter(({ isChanged }) => isChanged);
  if (!first) return true;
  const { shape } = storage;
  const companions = {
    writes: others.map(({ item: { key }, quota }) => ({ type: 'put' as const, key, value: encode(shape.kind, quota) })),
    guards: others.map(({ item: { key, revision } }) => ({ key, revision })),
  };
  try {
    await storage.put(first.item.key, cloneJson(first.quota), { expected: first.item.revision, companions });
    return true;
  } catch (error) {
    if (isLast || !isStoreConflict(error)) throw error;
    return false;
  }
}
