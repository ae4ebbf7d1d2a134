import type { HorizontalPodAutoscalerSpec } from '@keelson/api/autoscaling/v2';
import type { Past, ScaleEvent } from './scaling-rules.ts';

interface Recommendation {
  readonly atMs: number;
  readonly replicas: number;
}

export interface Stabilized {
  readonly replicas: number;
  readonly reason: 'ReadyForNewScale' | 'ScaleUpStabilized' | 'ScaleDownStabilized';
}

/** Without a behaviour of its own, an autoscaler goes by the highest recommendation of this time. */
const DOWN_WINDOW_MS = 300_000;

/** What an autoscaler recommended and did lately. It is lost with the process, as upstream: for some minutes less is smoothed then. */
export class ScalingHistory {
  #recommendations: Recommendation[] = [];
  #ups: ScaleEvent[] = [];
  #downs: ScaleEvent[] = [];

  /** What there is counts as recommended, so that a controller that has just been started does not scale down at once. */
  begin(replicas: number, nowMs: number): void {
    if (this.#recommendations.length === 0) this.#recommendations.push({ atMs: nowMs, replicas });
  }

  past(nowMs: number): Past {
    return { ups: this.#ups, downs: this.#downs, nowMs };
  }

  /**
   * What to do by all recommendations of the windows: up only to the lowest, down only to the highest. The new one is part of them.
   *
   * Example: with a window of 300 s downwards and none upwards, recommendations of 5 and then 2 keep 5 pods until the 5 is 300 s old; a 7 is
   * followed at once.
   */
  stabilize(
    recommended: number,
    current: number,
    { spec, nowMs }: { spec: HorizontalPodAutoscalerSpec; nowMs: number },
  ): Stabilized {
    const [upMs, downMs] = windowsOf(spec);
    this.#recommendations = this.#recommendations.filter(({ atMs }) => atMs > nowMs - Math.max(upMs, downMs));
    const within = (windowMs: number): number[] =>
      this.#recommendations.filter(({ atMs }) => atMs > nowMs - windowMs).map(({ replicas }) => replicas);
    const lowest = Math.min(recommended, ...within(upMs));
    const highest = Math.max(recommended, ...within(downMs));
    this.#recommendations.push({ atMs: nowMs, replicas: recommended });
    const replicas = spec.behavior ? Math.min(Math.max(current, lowest), highest) : highest;
    if (replicas === recommended) return { replicas, reason: 'ReadyForNewScale' };
    const isUp = spec.behavior !== undefined && recommended >= current;
    return { replicas, reason: isUp ? 'ScaleUpStabilized' : 'ScaleDownStabilized' };
  }

  scaled(before: number, after: number, { spec, nowMs }: { spec: HorizontalPodAutoscalerSpec; nowMs: number }): void {
    const { scaleUp, scaleDown } = spec.behavior ?? {};
    const longest = [...(scaleUp?.policies ?? []), ...(scaleDown?.policies ?? [])];
    const keepMs = Math.max(0, ...longest.map(({ periodSeconds }) => periodSeconds * 1000));
    const kept = (events: readonly ScaleEvent[]): ScaleEvent[] => events.filter(({ atMs }) => atMs > nowMs - keepMs);
    [this.#ups, this.#downs] = [kept(this.#ups), kept(this.#downs)];
    const event = { atMs: nowMs, change: Math.abs(after - before) };
    (after > before ? this.#ups : this.#downs).push(event);
  }
}

function windowsOf({ behavior }: HorizontalPodAutoscalerSpec): readonly [upMs: number, downMs: number] {
  const { scaleUp, scaleDown } = behavior ?? {};
  const downSeconds = scaleDown?.stabilizationWindowSeconds;
  return [(scaleUp?.stabilizationWindowSeconds ?? 0) * 1000, downSeconds === undefined ? DOWN_WINDOW_MS : downSeconds * 1000];
}
