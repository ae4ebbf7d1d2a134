import { controllerOf, labelSelectorFrom, namespaceOf, type LabelSelectorMatcher } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import { PodDisruptionBudget } from '@keelson/api/policy/v1';
import { errorMessage, isReason, KeelsonError, type Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import {
  keyText,
  patchStatusIfChanged,
  type EventRecorder,
  type Lister,
  type NamespacedName,
  type Reconciler,
  type ReconcileResult,
} from '@keelson/controller-runtime';
import { matcherOf } from '../pod-control/pod-owner-kind.ts';
import { disruptedPods, expectedOf, failedStatus, needsScale, statusOf, untilForgottenMs } from './budget-status.ts';
import type { WorkloadScales } from './workload-scales.ts';

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly budgets: Lister<PodDisruptionBudget>;
  readonly pods: Lister<Pod>;
  readonly scales: WorkloadScales;
}

/** Says of each budget how many of its pods may go. */
export class BudgetReconciler implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile(key: NamespacedName): Promise<ReconcileResult> {
    const { client, clock, events } = this.#dependencies;
    const budget = this.#dependencies.budgets.getByKey(keyText(key));
    if (!budget) return {};
    const selector = selectorOf(budget);
    const pods = this.#dependencies.pods.list(key.namespace).filter(({ metadata }) => selector.matches(metadata?.labels));
    if (pods.length === 0) events.event(budget, 'Normal', 'NoPods', 'No matching pods found');
    const nowMs = clock.now();
    const disrupted = disruptedPods(budget, pods, nowMs);
    try {
      const expected = expectedOf(budget, await this.#expectedPods(budget, pods));
      await this.#write(budget, statusOf(budget, { pods, disrupted, nowMs, ...expected }));
    } catch (error) {
      // Somebody has evicted a pod in between: it will be tried again on what is there then.
      if (!isReason(error, 'Conflict'))
        await patchStatusIfChanged(client, PodDisruptionBudget, budget, failedStatus(budget, errorMessage(error), nowMs));
      throw error;
    }
    const requeueAfterMs = untilForgottenMs(disrupted, nowMs);
    this.#tellOfStaying(budget, pods, disrupted);
    return requeueAfterMs === undefined ? {} : { requeueAfterMs };
  }

  async #write(budget: PodDisruptionBudget, status: Record<string, unknown>): Promise<void> {
    try {
      await patchStatusIfChanged(this.#dependencies.client, PodDisruptionBudget, budget, status);
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
  }

  async #expectedPods(budget: PodDisruptionBudget, pods: readonly Pod[]): Promise<number> {
    if (!needsScale(budget)) return pods.length;
    const { events } = this.#dependencies;
    const unmanaged = pods.filter((pod) => !controllerOf(pod));
    if (unmanaged.length > 0) events.event(budget, 'Warning', 'UnmanagedPods', unmanagedMessage(budget));
    try {
      return await this.#sumOfScales(pods);
    } catch (error) {
      const message = `Failed to calculate the number of expected pods: ${errorMessage(error)}`;
      events.event(budget, 'Warning', 'CalculateExpectedPodCountFailed', message);
      throw error;
    }
  }

  /** Of all workloads that have pods here, each once. */
  async #sumOfScales(pods: readonly Pod[]): Promise<number> {
    const asked = new Set<string>();
    const replicas = new Map<string, number>();
    for (const pod of pods) {
      const controller = controllerOf(pod);
      if (!controller || asked.has(controller.uid)) continue;
      asked.add(controller.uid);
      const scale = await this.#dependencies.scales.of(controller, namespaceOf(pod));
      if (!scale) throw new KeelsonError('NotFound', `found no controllers for pod "${pod.metadata?.name}"`);
      replicas.set(scale.uid, scale.replicas);
    }
    return replicas.values().reduce((sum, each) => sum + each, 0);
  }

  /** Pods that were evicted, as the budget has it, and are there all the same. */
  #tellOfStaying(budget: PodDisruptionBudget, pods: readonly Pod[], disrupted: ReadonlyMap<string, string>): void {
    const { metadata, status } = budget;
    for (const pod of pods) {
      const name = pod.metadata?.name ?? '';
      if (status?.disruptedPods?.[name] === undefined || disrupted.has(name) || pod.metadata?.deletionTimestamp !== undefined)
        continue;
      const message = `Pod was expected by PDB ${metadata?.namespace}/${metadata?.name} to be deleted but it wasn't`;
      this.#dependencies.events.event(pod, 'Warning', 'NotDeleted', message);
    }
  }
}

/** One without a selector is about no pod, one with an empty selector about all. */
export function selectorOf({ spec }: PodDisruptionBudget): LabelSelectorMatcher {
  return matcherOf(spec?.selector);
}

function unmanagedMessage({ spec }: PodDisruptionBudget): string {
  const selector = labelSelectorFrom(spec?.selector).toString();
  return (
    `Pods selected by this PodDisruptionBudget (selector: ${selector}) were found to be unmanaged. As a result, the status of the PDB cannot be ` +
    'calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.'
  );
}
