import {
  controllerOf,
  controllerReference,
  nameOf,
  namespaceOf,
  uidOf,
  type Kind,
  type KubernetesObject,
  type LabelSelectorMatcher,
} from '@keelson/api';
import { isReason, KeelsonError } from '@keelson/base';
import type { Client } from '@keelson/client';

interface Dependencies<T extends KubernetesObject> {
  readonly client: Client;
  /** Of what is claimed. */
  readonly kind: Kind<T>;
  /** Who claims. */
  readonly controller: KubernetesObject;
  readonly controllerKind: Kind;
  /** Put on what is adopted, in the same write. None if absent. */
  readonly finalizers?: readonly string[];
}

export interface Claim<T> {
  /** The labels that an object must have to belong to the controller. */
  readonly selector: LabelSelectorMatcher;
  /** Asked once, before the first adoption: rejects if the controller must not adopt. Take `stillThere` unless there is more to check. */
  readonly canAdopt: () => Promise<void>;
  /** What else an object must be, to be claimed. */
  readonly filter?: (object: T) => boolean;
}

/**
 * Decides which objects belong to a controller, and writes that into their owner references: adopts what matches and nobody owns, releases
 * what it owns and no longer matches, and never touches what another controller owns. Make one for each reconciliation.
 */
export class ControllerRefManager<T extends KubernetesObject> {
  readonly #dependencies: Dependencies<T>;

  constructor(dependencies: Dependencies<T>) {
    this.#dependencies = dependencies;
  }

  /** Those of `objects` that belong to the controller now. Tries all of them; what failed is thrown at the end. */
  async claim(objects: readonly T[], { selector, canAdopt, filter = () => true }: Claim<T>): Promise<T[]> {
    let checked: Promise<void> | undefined;
    const mayAdopt = (): Promise<void> => (checked ??= canAdopt());
    const isWanted = (object: T): boolean => selector.matches(object.metadata?.labels ?? {}) && filter(object);
    const claimed: T[] = [];
    const failures: unknown[] = [];
    for (const object of objects) {
      try {
        if (await this.#claimOne(object, isWanted(object), mayAdopt)) claimed.push(object);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1)
      throw new AggregateError(failures, `Cannot claim ${failures.length} objects: ${String(failures[0])}`);
    return claimed;
  }

  async #claimOne(object: T, isWanted: boolean, mayAdopt: () => Promise<void>): Promise<boolean> {
    const { controller } = this.#dependencies;
    const owner = controllerOf(object);
    const isGoing = controller.metadata?.deletionTimestamp !== undefined;
    if (owner && owner.uid !== controller.metadata?.uid) return false;
    if (owner) {
      if (isWanted) return true;
      if (!isGoing) await this.#release(object);
      return false;
    }
    const isAdoptable = isWanted && !isGoing && object.metadata?.deletionTimestamp === undefined;
    if (!isAdoptable || namespaceOf(object) !== namespaceOf(controller)) return false;
    await mayAdopt();
    return this.#adopt(object);
  }

  /** False if it is gone. The uid in the patch makes it fail for another object of the same name. */
  async #adopt(object: T): Promise<boolean> {
    const { controller, controllerKind, finalizers } = this.#dependencies;
    const ownerReferences = [controllerReference(controller, controllerKind)];
    const metadata = { uid: uidOf(object), ownerReferences, ...(finalizers && { finalizers }) };
    return this.#patch(object, { metadata }, 'NotFound');
  }

  /** `Invalid`: the reference is gone already, or it is another object of that name. */
  async #release(object: T): Promise<void> {
    const ownerReferences = [{ $patch: 'delete', uid: uidOf(this.#dependencies.controller) }];
    await this.#patch(object, { metadata: { uid: uidOf(object), ownerReferences } }, 'NotFound', 'Invalid');
  }

  async #patch(object: T, patch: unknown, ...harmless: ('NotFound' | 'Invalid')[]): Promise<boolean> {
    const { client, kind } = this.#dependencies;
    try {
      await client
        .resource(kind)
        .patch({ name: nameOf(object), namespace: namespaceOf(object) || undefined }, 'strategic', patch);
      return true;
    } catch (error) {
      if (isReason(error, ...harmless)) return false;
      throw error;
    }
  }
}

/** For `canAdopt`: asks the server itself, not a cache, whether the controller is the same one and not being deleted. */
export function stillThere<C extends KubernetesObject>(client: Client, kind: Kind<C>, controller: C): () => Promise<void> {
  return async () => {
    const [name, namespace] = [nameOf(controller), namespaceOf(controller)];
    const fresh = await client.resource(kind).get({ name, namespace: namespace || undefined });
    const about = `${kind.kind} "${namespace === '' ? name : `${namespace}/${name}`}"`;
    if (fresh.metadata?.uid !== controller.metadata?.uid)
      throw new KeelsonError('Conflict', `Cannot adopt for ${about}: it is another one now`);
    if (fresh.metadata?.deletionTimestamp !== undefined)
      throw new KeelsonError('Conflict', `Cannot adopt for ${about}: it is being deleted`);
  };
}
