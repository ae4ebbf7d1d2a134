import { keyOf, nameOf, namespaceOf, uidOf, VOLUME_ANNOTATIONS } from '@keelson/api';
import { PersistentVolume, PersistentVolumeClaim, type Pod } from '@keelson/api/core/v1';
import type { Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import {
  SKIP,
  type CycleState,
  type FilterPlugin,
  type PreBindPlugin,
  type PreFilterPlugin,
  type ReservePlugin,
  type Snapshot,
  type Verdict,
} from '../../framework.ts';
import type { NodeInfo } from '../../node-info.ts';
import { usesClaims, type StorageInformers } from '../../storage-informers.ts';
import { AssumedClaims } from './assumed-claims.ts';
import { ClaimsInTheMaking } from './claims-in-the-making.ts';
import { planFor, type NodePlan } from './node-plan.ts';
import { claimsOf, type PodClaims } from './pod-claims.ts';

const { boundByController, selectedNode } = VOLUME_ANNOTATIONS;
/** How long a pod waits for its volumes before another node may be chosen. */
const BIND_TIMEOUT_MS = 600_000;

const CLAIMS = 'VolumeBinding:claims';
const PLANS = 'VolumeBinding:plans';
const ASSUMED = 'VolumeBinding:assumed';

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly storage: StorageInformers;
}

/**
 * Keeps pods on nodes from which their volumes can be reached, and chooses volumes, or the node where they are to be made, for claims that
 * wait for a first pod. Before the pod is bound, its claims are.
 */
export class VolumeBinding implements PreFilterPlugin, FilterPlugin, ReservePlugin, PreBindPlugin {
  readonly name = 'VolumeBinding';
  readonly #deps: Dependencies;
  readonly #assumed = new AssumedClaims();

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  preFilter(state: CycleState, pod: Pod, _snapshot: Snapshot): Verdict | typeof SKIP {
    if (!usesClaims(pod)) return SKIP;
    const claims = claimsOf(pod, this.#deps.storage);
    if ('reason' in claims) return { reason: claims.reason, preemptable: false };
    state.write(CLAIMS, claims);
    state.write(PLANS, new Map<string, NodePlan>());
    return undefined;
  }

  filter(state: CycleState, _pod: Pod, { name, node }: NodeInfo): Verdict {
    const claims = state.read<PodClaims>(CLAIMS);
    if (!claims || !node) return undefined;
    const plan = planFor(claims, node, { storage: this.#deps.storage, assumed: this.#assumed });
    if (typeof plan === 'string') return { reason: plan, preemptable: false };
    state.read<Map<string, NodePlan>>(PLANS)?.set(name, plan);
    return undefined;
  }

  reserve(state: CycleState, _pod: Pod, nodeName: string): Verdict {
    const { bindings = [], provisions = [] } = planOf(state, nodeName) ?? {};
    const own: string[] = [];
    for (const { claim, volume } of bindings) {
      if (this.#assumed.assume(keyOf(claim), { volumeName: nameOf(volume) })) own.push(keyOf(claim));
    }
    for (const claim of provisions) if (this.#assumed.assume(keyOf(claim), { nodeName })) own.push(keyOf(claim));
    state.write(ASSUMED, own);
    return undefined;
  }

  unreserve(state: CycleState): void {
    for (const key of state.read<readonly string[]>(ASSUMED) ?? []) this.#assumed.forget(key);
  }

  preBindPreFlight(state: CycleState, _pod: Pod, nodeName: string): typeof SKIP | undefined {
    const { bindings = [], provisions = [] } = planOf(state, nodeName) ?? {};
    return bindings.length + provisions.length === 0 ? SKIP : undefined;
  }

  async preBind(...[state, _pod, nodeName, signal]: Parameters<PreBindPlugin['preBind']>): Promise<Verdict> {
    const plan = planOf(state, nodeName);
    if (!plan || plan.bindings.length + plan.provisions.length === 0) return undefined;
    for (const { claim, volume } of plan.bindings) await this.#reserveVolume(volume, claim);
    for (const claim of plan.provisions) await this.#chooseNode(claim, nodeName);
    const verdict = await this.#allBound(plan, signal);
    if (!verdict) this.unreserve(state);
    return verdict;
  }

  /** The binder does the rest, as for any volume that is reserved for a claim. */
  async #reserveVolume(volume: PersistentVolume, claim: PersistentVolumeClaim): Promise<void> {
    if (volume.spec?.claimRef?.uid === uidOf(claim)) return;
    const claimant = { name: nameOf(claim), namespace: namespaceOf(claim), uid: uidOf(claim) };
    const { resourceVersion } = volume.metadata ?? {};
    const annotations = volume.spec?.claimRef ? {} : { [boundByController]: 'yes' };
    await this.#deps.client.resource(PersistentVolume).patch({ name: nameOf(volume) }, 'merge', {
      metadata: { resourceVersion, annotations },
      spec: { claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', ...claimant } },
    });
  }

  async #chooseNode(claim: PersistentVolumeClaim, nodeName: string): Promise<void> {
    if (claim.metadata?.annotations?.[selectedNode] === nodeName) return;
    const { resourceVersion } = claim.metadata ?? {};
    const metadata = { resourceVersion, annotations: { [selectedNode]: nodeName } };
    const name = { name: nameOf(claim), namespace: namespaceOf(claim) };
    await this.#deps.client.resource(PersistentVolumeClaim).patch(name, 'merge', { metadata });
  }

  async #allBound(plan: NodePlan, signal: AbortSignal): Promise<Verdict> {
    const { clock, storage } = this.#deps;
    const limit = new AbortController();
    using _timer = clock.after(BIND_TIMEOUT_MS, () => limit.abort(new Error('binding volumes: context deadline exceeded')));
    const waiting = new ClaimsInTheMaking(plan, storage);
    await storage.claims.until(() => waiting.isOver(), AbortSignal.any([signal, limit.signal]));
    return waiting.verdict;
  }
}

function planOf(state: CycleState, nodeName: string): NodePlan | undefined {
  return state.read<ReadonlyMap<string, NodePlan>>(PLANS)?.get(nodeName);
}
