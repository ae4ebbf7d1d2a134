import {
  formatTime,
  keyOf,
  namespaceOf,
  parseLabelSelector,
  parseQuantity,
  uidOf,
  type LabelSelectorMatcher,
} from '@keelson/api';
import type { Scale } from '@keelson/api/autoscaling/v1';
import { HorizontalPodAutoscaler, type HorizontalPodAutoscalerSpec, type MetricStatus } from '@keelson/api/autoscaling/v2';
import type { Pod } from '@keelson/api/core/v1';
import { errorMessage, type Clock } from '@keelson/base';
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
import { AutoscalerConditions } from './autoscaler-conditions.ts';
import type { AutoscalerOptions } from './autoscaler-options.ts';
import { metricRound, type MetricRound } from './metric-round.ts';
import type { MetricsReader } from './metrics-reader.ts';
import type { Situation } from './replica-calculator.ts';
import type { Tolerance } from './samples.ts';
import type { ScaleTargets } from './scale-target.ts';
import { ScalingHistory } from './scaling-history.ts';
import { withinLimits } from './within-limits.ts';

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly autoscalers: Lister<HorizontalPodAutoscaler>;
  readonly pods: Lister<Pod>;
  readonly reader: MetricsReader;
  readonly targets: ScaleTargets;
}

/** What is found out of an autoscaler while it is looked at. */
interface Draft {
  readonly scaler: HorizontalPodAutoscaler;
  readonly history: ScalingHistory;
  readonly conditions: AutoscalerConditions;
  readonly nowMs: number;
  currentMetrics: readonly MetricStatus[] | undefined;
}

interface Decision {
  readonly replicas: number;
  /** Why it is another number than before. */
  readonly why: string;
}

/** Gives workloads as many pods as metrics ask for. */
export class AutoscalerReconciler implements Reconciler {
  readonly #dependencies: Dependencies;
  readonly #options: Required<AutoscalerOptions>;
  readonly #histories = new Map<string, ScalingHistory>();
  /** Of the pods that each autoscaler looks at, by its key. */
  readonly #selectors = new Map<string, LabelSelectorMatcher>();

  constructor(dependencies: Dependencies, options: Required<AutoscalerOptions>) {
    this.#dependencies = dependencies;
    this.#options = options;
  }

  forget(scaler: HorizontalPodAutoscaler): void {
    this.#histories.delete(uidOf(scaler));
    this.#selectors.delete(keyOf(scaler));
  }

  async reconcile(key: NamespacedName): Promise<ReconcileResult> {
    const { autoscalers, clock } = this.#dependencies;
    const scaler = autoscalers.getByKey(keyText(key));
    if (!scaler || scaler.metadata?.deletionTimestamp !== undefined) return {};
    const nowMs = clock.now();
    const uid = uidOf(scaler);
    const history = this.#histories.get(uid) ?? new ScalingHistory();
    this.#histories.set(uid, history);
    const conditions = new AutoscalerConditions(scaler.status?.conditions, nowMs);
    const draft = { scaler, history, conditions, nowMs, currentMetrics: scaler.status?.currentMetrics };
    const scale = await this.#scaleOf(draft);
    if (scale) await this.#sync(draft, scale);
    return { requeueAfterMs: this.#options.syncPeriodMs };
  }

  /** `undefined` if it cannot be had, which the status says then. */
  async #scaleOf(draft: Draft): Promise<Scale | undefined> {
    const { scaler, conditions } = draft;
    try {
      const scale = await this.#dependencies.targets.get(scaler.spec.scaleTargetRef, namespaceOf(scaler));
      conditions.scaleIsKnown();
      return scale;
    } catch (error) {
      this.#warn(scaler, 'FailedGetScale', errorMessage(error));
      conditions.scaleIsUnknown(errorMessage(error));
      await this.#write(draft, {});
      return undefined;
    }
  }

  async #sync(draft: Draft, scale: Scale): Promise<void> {
    const current = scale.spec?.replicas ?? 0;
    draft.history.begin(current, draft.nowMs);
    const decision = await this.#decide(draft, scale, current);
    if (decision && decision.replicas !== current) return this.#rescale(draft, scale, decision);
    await this.#write(draft, { currentReplicas: current, ...(decision && { desiredReplicas: decision.replicas }) });
  }

  /** `undefined` if nothing can be said. */
  async #decide(draft: Draft, scale: Scale, current: number): Promise<Decision | undefined> {
    const { conditions } = draft;
    const { maxReplicas, minReplicas = 1 } = draft.scaler.spec;
    draft.currentMetrics = undefined;
    if (current === 0 && minReplicas !== 0) {
      conditions.disabled();
      return { replicas: 0, why: '' };
    }
    if (current > maxReplicas) return { replicas: maxReplicas, why: 'Current number of replicas above Spec.MaxReplicas' };
    if (current < minReplicas) return { replicas: minReplicas, why: 'Current number of replicas below Spec.MinReplicas' };
    const proposal = await this.#propose(draft, scale, current);
    return proposal && this.#smooth(draft, proposal, current);
  }

  async #propose(draft: Draft, scale: Scale, current: number): Promise<MetricRound['proposal']> {
    const { scaler, conditions } = draft;
    const selected = this.#selected(draft, scale);
    if (!selected) return undefined;
    const { targets, reader } = this.#dependencies;
    const situation = {
      pods: selected.pods,
      currentReplicas: current,
      tolerance: this.#toleranceOf(scaler.spec),
      readiness: this.#readiness(draft),
    };
    const where = { namespace: namespaceOf(scaler), selector: selected.selector };
    const describe = (reference: Parameters<ScaleTargets['describe']>[0]) => targets.describe(reference);
    const context = { reader, where, situation, statusReplicas: scale.status?.replicas ?? 0, describe };
    const { statuses, failures, proposal, error } = await metricRound(scaler.spec, context);
    draft.currentMetrics = statuses;
    for (const { reason, message } of failures) this.#warn(scaler, reason, message);
    if (error !== undefined) this.#warn(scaler, 'FailedComputeMetricsReplicas', error);
    const [failure] = failures;
    if (proposal) conditions.active(proposal.name);
    else if (failure) conditions.inactive(failure.reason, failure.message);
    return proposal;
  }

  /** The pods that the scale selects; `undefined` if it does not say which, or if others look at them too. */
  #selected(
    { scaler, conditions }: Draft,
    scale: Scale,
  ): { readonly selector: string; readonly pods: readonly Pod[] } | undefined {
    const selector = scale.status?.selector ?? '';
    if (selector === '') {
      this.#warn(scaler, 'SelectorRequired', 'selector is required');
      conditions.set('ScalingActive', 'False', 'InvalidSelector', "the HPA target's scale is missing a selector");
      return undefined;
    }
    const matcher = parseLabelSelector(selector);
    const pods = this.#dependencies.pods.list(namespaceOf(scaler)).filter(({ metadata }) => matcher.matches(metadata?.labels));
    const others = this.#othersOf(scaler, matcher, pods);
    if (others.length === 0) return { selector, pods };
    const message = `pods by selector ${selector} are controlled by multiple HPAs: [${others.join(' ')}]`;
    this.#warn(scaler, 'AmbiguousSelector', message);
    conditions.set('ScalingActive', 'False', 'AmbiguousSelector', message);
    return undefined;
  }

  /** All autoscalers that look at any of the pods, if there are others than this one. */
  #othersOf(scaler: HorizontalPodAutoscaler, matcher: LabelSelectorMatcher, pods: readonly Pod[]): readonly string[] {
    const own = keyOf(scaler);
    this.#selectors.set(own, matcher);
    const namespace = `${namespaceOf(scaler)}/`;
    const looking = [...this.#selectors].filter(
      ([key, other]) => key.startsWith(namespace) && pods.some(({ metadata }) => other.matches(metadata?.labels)),
    );
    return looking.some(([key]) => key !== own) ? looking.map(([key]) => key).sort() : [];
  }

  #smooth(
    { scaler, history, conditions, nowMs }: Draft,
    proposal: NonNullable<MetricRound['proposal']>,
    current: number,
  ): Decision {
    const { spec } = scaler;
    const stabilized = history.stabilize(proposal.replicas, current, { spec, nowMs });
    conditions.stabilized(stabilized);
    const limited = withinLimits(stabilized.replicas, current, { spec, past: history.past(nowMs) });
    conditions.limited(limited);
    return {
      replicas: limited.replicas,
      why: limited.replicas > current ? `${proposal.name} above target` : 'All metrics below target',
    };
  }

  async #rescale(draft: Draft, scale: Scale, { replicas, why }: Decision): Promise<void> {
    const { scaler, conditions, history, nowMs } = draft;
    const current = scale.spec?.replicas ?? 0;
    try {
      await this.#dependencies.targets.set(scaler.spec.scaleTargetRef, scale, replicas);
    } catch (error) {
      const message = errorMessage(error);
      this.#warn(scaler, 'FailedRescale', `New size: ${replicas}; reason: ${why}; error: ${message}`);
      conditions.notRescaled(message);
      await this.#write(draft, { currentReplicas: current });
      throw error;
    }
    conditions.rescaled(replicas);
    this.#dependencies.events.event(scaler, 'Normal', 'SuccessfulRescale', `New size: ${replicas}; reason: ${why}`);
    history.scaled(current, replicas, { spec: scaler.spec, nowMs });
    await this.#write(draft, { currentReplicas: current, desiredReplicas: replicas, lastScaleTime: formatTime(nowMs) });
  }

  async #write({ scaler, conditions, currentMetrics }: Draft, status: Readonly<Record<string, unknown>>): Promise<void> {
    const { client } = this.#dependencies;
    await patchStatusIfChanged(client, HorizontalPodAutoscaler, scaler, {
      ...status,
      currentMetrics: currentMetrics && currentMetrics.length > 0 ? currentMetrics : undefined,
      conditions: conditions.list,
    });
  }

  #warn(scaler: HorizontalPodAutoscaler, reason: string, message: string): void {
    this.#dependencies.events.event(scaler, 'Warning', reason, message);
  }

  #readiness({ nowMs }: Draft): Situation['readiness'] {
    const { cpuInitializationMs, initialReadinessDelayMs } = this.#options;
    return { nowMs, cpuInitializationMs, initialReadinessDelayMs };
  }

  #toleranceOf({ behavior }: HorizontalPodAutoscalerSpec): Tolerance {
    const own = (tolerance: string | undefined): number =>
      tolerance === undefined ? this.#options.tolerance : parseQuantity(tolerance).toNumber();
    return { up: own(behavior?.scaleUp?.tolerance), down: own(behavior?.scaleDown?.tolerance) };
  }
}
