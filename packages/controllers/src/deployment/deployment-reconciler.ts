import { namespaceOf } from '@keelson/api';
import { Deployment, ReplicaSet } from '@keelson/api/apps/v1';
import type { Pod } from '@keelson/api/core/v1';
import { isReason, type Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import {
  ControllerRefManager,
  keyText,
  patchStatusIfChanged,
  stillThere,
  type EventRecorder,
  type Informer,
  type Lister,
  type NamespacedName,
  type Reconciler,
  type ReconcileResult,
} from '@keelson/controller-runtime';
import { isNamespaceTerminating } from '../namespace-state.ts';
import { ownedBy, ownedOrOrphaned } from '../pod-control/owner-index.ts';
import { matcherOf } from '../pod-control/pod-owner-kind.ts';
import { DeploymentSync } from './deployment-sync.ts';
import { ReplicaSetWriter } from './replica-set-writer.ts';
import { UnseenWrites } from '../unseen-writes.ts';

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly deployments: Lister<Deployment>;
  /** Indexed by controller. */
  readonly replicaSets: Pick<Informer<ReplicaSet>, keyof Lister<ReplicaSet> | 'resourceVersion'>;
  /** Indexed by controller. */
  readonly pods: Lister<Pod>;
}

/** Rolls Deployments out by their ReplicaSets. */
export class DeploymentReconciler implements Reconciler {
  readonly #dependencies: Dependencies;
  readonly #writer: ReplicaSetWriter;
  readonly #unseen: UnseenWrites;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
    this.#unseen = new UnseenWrites({ clock: dependencies.clock, cache: dependencies.replicaSets });
    this.#writer = new ReplicaSetWriter({ ...dependencies, unseen: this.#unseen });
  }

  async reconcile(key: NamespacedName): Promise<ReconcileResult> {
    const deployment = this.#dependencies.deployments.getByKey(keyText(key));
    if (!deployment) {
      this.#unseen.forget(keyText(key));
      return {};
    }
    // What is missing wakes the Deployment when it comes.
    const requeueAfterMs = this.#unseen.waitMs(keyText(key));
    if (requeueAfterMs > 0) return { requeueAfterMs };
    try {
      return await this.#sync(deployment);
    } catch (error) {
      // What was looked at has changed meanwhile, which is ordinary: look again. In a namespace that ends there is nothing more to do.
      if (isReason(error, 'Conflict', 'NotFound')) return { requeue: true };
      if (isNamespaceTerminating(error)) return {};
      throw error;
    }
  }

  async #sync(deployment: Deployment): Promise<ReconcileResult> {
    const { client, events, pods } = this.#dependencies;
    if (matcherOf(deployment.spec?.selector).isEmpty) {
      const message = 'This deployment is selecting all pods. A non-empty selector is required.';
      events.event(deployment, 'Warning', 'SelectingAll', message);
      await patchStatusIfChanged(client, Deployment, deployment, { observedGeneration: deployment.metadata?.generation });
      return {};
    }
    const sets = await this.#claim(deployment);
    const podsOf = (set: ReplicaSet): readonly Pod[] => ownedBy(pods, set);
    return new DeploymentSync({ ...this.#dependencies, writer: this.#writer }, { deployment, sets, podsOf }).run();
  }

  async #claim(deployment: Deployment): Promise<readonly ReplicaSet[]> {
    const { client, replicaSets } = this.#dependencies;
    const claims = new ControllerRefManager({ client, kind: ReplicaSet, controller: deployment, controllerKind: Deployment });
    return claims.claim(ownedOrOrphaned(replicaSets, deployment), {
      selector: matcherOf(deployment.spec?.selector),
      canAdopt: stillThere(client, Deployment, deployment),
    });
  }
}

/** The Deployments that could adopt a ReplicaSet. */
export function adoptersOf(set: ReplicaSet, deployments: Lister<Deployment>): readonly Deployment[] {
  return deployments.list(namespaceOf(set)).filter(({ spec }) => matcherOf(spec?.selector).matches(set.metadata?.labels ?? {}));
}
