/** How a simulated container behaves. Set by annotations of the pod, `sim.keelson.dev/<container>.<what>`. */
export interface Script {
  /** `start-delay-seconds`: how long starting takes. Default 0. */
  readonly startDelayMs: number;
  /** `run-seconds`: ends by itself after so long; never if absent. */
  readonly runMs: number | undefined;
  /** `exit-code`: what it ends with by itself. Default 0. */
  readonly exitCode: number;
  /** `stop-seconds`: how long it takes to end when told to. Default 0; past the grace period it is killed. */
  readonly stopMs: number;
  /** `logs`: what it prints when it starts, a line each. */
  readonly logs: readonly string[];
}

const PREFIX = 'sim.keelson.dev';

/** Reads a container's script; values that are no numbers count as absent. */
export function scriptOf(container: string, annotations: Readonly<Record<string, string>>): Script {
  const text = (what: string): string | undefined => annotations[`${PREFIX}/${container}.${what}`];
  const numberOr = <T>(what: string, otherwise: T): number | T => {
    const value = Number(text(what) ?? Number.NaN);
    return Number.isFinite(value) && value >= 0 ? value : otherwise;
  };
  const runSeconds = numberOr('run-seconds', undefined);
  return {
    startDelayMs: numberOr('start-delay-seconds', 0) * 1000,
    runMs: runSeconds === undefined ? undefined : runSeconds * 1000,
    exitCode: numberOr('exit-code', 0),
    stopMs: numberOr('stop-seconds', 0) * 1000,
    logs: text('logs')?.split('\n') ?? [],
  };
}
