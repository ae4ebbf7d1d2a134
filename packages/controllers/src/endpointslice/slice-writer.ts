import { controllerReference, nameOf, namespaceOf, uidOf, type Kind, type KubernetesObject } from '@keelson/api';
import { EndpointSlice } from '@keelson/api/discovery/v1';
import { isReason } from '@keelson/base';
import type { Client } from '@keelson/client';
import { isNamespaceTerminating } from '../namespace-state.ts';
import { TRIGGER_TIME_ANNOTATION } from '../service-endpoints/service-pods.ts';
import type { AddressType } from './desired-endpoints.ts';
import type { Draft, Labels, Plan } from './slice-plan.ts';
import type { SliceTracker } from './slice-tracker.ts';

/** Longest name that leaves room for a random suffix. */
const MAX_PREFIX = 253 - 5;

export interface Target {
  /** For the tracker. */
  readonly key: string;
  /** Who the slices belong to, and are named after. */
  readonly owner: KubernetesObject;
  readonly ownerKind: Kind;
  readonly addressType: AddressType;
  readonly labels: Labels;
  /** Beside the time: exactly these. If absent, those that are there stay. */
  readonly annotations?: Labels;
  readonly triggerTime: string | undefined;
}

/** Carries out plans. */
export class SliceWriter {
  readonly #client: Client;
  readonly #tracker: SliceTracker;

  constructor({ client, tracker }: { readonly client: Client; readonly tracker: SliceTracker }) {
    this.#client = client;
    this.#tracker = tracker;
  }

  /** What is added comes before what is dropped, so that nobody sees too little. Rejects with the first failure, after all was tried. */
  async write(target: Target, { writes, deletes }: Plan): Promise<void> {
    const isGoing = target.owner.metadata?.deletionTimestamp !== undefined;
    const drafts = isGoing ? writes.filter(({ known }) => known) : writes;
    await all(drafts.map((draft) => this.#put(target, draft)));
    await all(deletes.map((slice) => this.delete(target.key, slice)));
  }

  async delete(key: string, slice: EndpointSlice): Promise<void> {
    // Before the call: the cache may show the end of the slice before the call returns.
    this.#tracker.noteDelete(key, slice);
    try {
      const preconditions = { uid: uidOf(slice) };
      await this.#slices.delete({ name: nameOf(slice), namespace: namespaceOf(slice) }, { preconditions });
    } catch (error) {
      if (isReason(error, 'NotFound')) return;
      this.#tracker.forgetSlice(key, slice);
      throw error;
    }
  }

  async #put(target: Target, draft: Draft): Promise<void> {
    try {
      const written = draft.known
        ? await this.#slices.update(changed(draft.known, draft, target))
        : await this.#slices.create(created(draft, target));
      this.#tracker.noteWrite(target.key, written);
    } catch (error) {
      if (!isNamespaceTerminating(error)) throw error;
    }
  }

  get #slices() {
    return this.#client.resource(EndpointSlice);
  }
}

async function all(calls: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(calls)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

function created(
  { endpoints, ports }: Draft,
  { owner, ownerKind, addressType, labels, annotations, triggerTime }: Target,
): EndpointSlice {
  const all = { ...annotations, ...(triggerTime !== undefined && { [TRIGGER_TIME_ANNOTATION]: triggerTime }) };
  return {
    metadata: {
      generateName: `${nameOf(owner).slice(0, MAX_PREFIX - 1)}-`,
      namespace: namespaceOf(owner),
      labels: { ...labels },
      ownerReferences: [controllerReference(owner, ownerKind)],
      ...(Object.keys(all).length > 0 && { annotations: all }),
    },
    addressType,
    endpoints,
    ports: [...ports],
  };
}

function changed(known: EndpointSlice, { endpoints, ports }: Draft, target: Target): EndpointSlice {
  const { labels, triggerTime } = target;
  const { [TRIGGER_TIME_ANNOTATION]: _time, ...others } = known.metadata?.annotations ?? {};
  const annotations = {
    ...(target.annotations ?? others),
    ...(triggerTime !== undefined && { [TRIGGER_TIME_ANNOTATION]: triggerTime }),
  };
  return { ...known, metadata: { ...known.metadata, labels: { ...labels }, annotations }, endpoints, ports: [...ports] };
}
