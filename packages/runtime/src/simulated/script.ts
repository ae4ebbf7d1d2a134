import { Course } from './course.ts';

/** How a simulated container behaves. Set by annotations of the pod, `sim.keelson.dev/<container>.<what>`. */
export interface Script {
  /** `start-delay-seconds`: how long starting takes. Default 0. */
  readonly startDelayMs: number;
  /** `start-error`: it cannot be started, and these are the words. */
  readonly startError: string | undefined;
  /** `run-seconds`: ends by itself after so long; never if absent. */
  readonly runMs: number | undefined;
  /** `exit-code`: what it ends with by itself. Default 0. */
  readonly exitCode: number;
  /** `stop-seconds`: how long it takes to end when told to. Default 0; past the grace period it is killed. */
  readonly stopMs: number;
  /** `logs`: what it prints, a line each: all of it when it starts or, with `log-interval-seconds`, one line each time, over and over. */
  readonly logs: readonly string[];
  readonly logIntervalMs: number | undefined;
  /** `healthy-after-seconds`: until then, counted from its start, it refuses connections and its commands fail. Default 0. */
  readonly healthyAfterMs: number;
  /** `unhealthy-after-seconds`: from then on it does so again; never if absent. */
  readonly unhealthyAfterMs: number | undefined;
  /** `cpu-milli`, `memory-mib`: what it uses, as `Course` reads it. Default 1 and 4. */
  readonly cpuMilli: Course;
  readonly memoryMib: Course;
}

const PREFIX = 'sim.keelson.dev';

export function annotationOf(container: string, what: string): string {
  return `${PREFIX}/${container}.${what}`;
}

/** Reads a container's script; values that are no numbers count as absent. */
export function scriptOf(container: string, annotations: Readonly<Record<string, string>>): Script {
  const text = (what: string): string | undefined => annotations[annotationOf(container, what)];
  const numberOr = <T>(what: string, otherwise: T): number | T => {
    const value = Number(text(what) ?? Number.NaN);
    return Number.isFinite(value) && value >= 0 ? value : otherwise;
  };
  const seconds = <T>(what: string, otherwise: T): number | T => {
    const value = numberOr(what, undefined);
    return value === undefined ? otherwise : value * 1000;
  };
  return {
    startDelayMs: seconds('start-delay-seconds', 0),
    startError: text('start-error'),
    runMs: seconds('run-seconds', undefined),
    exitCode: numberOr('exit-code', 0),
    stopMs: seconds('stop-seconds', 0),
    logs: text('logs')?.split('\n') ?? [],
    logIntervalMs: seconds('log-interval-seconds', undefined),
    healthyAfterMs: seconds('healthy-after-seconds', 0),
    unhealthyAfterMs: seconds('unhealthy-after-seconds', undefined),
    cpuMilli: Course.parse(text('cpu-milli'), 1),
    memoryMib: Course.parse(text('memory-mib'), 4),
  };
}
