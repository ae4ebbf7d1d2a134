import type { Probe } from '@keelson/api/core/v1';

export type ProbeType = 'liveness' | 'readiness' | 'startup';
export type ProbeResult = 'success' | 'failure' | 'unknown';

/** The state of one probe of one container instance. */
export interface ProbeState {
  /** What counts. Changes only once a threshold is reached. */
  readonly result: ProbeResult;
  readonly last: ProbeResult;
  /** How many outcomes in a row were like `last`. */
  readonly run: number;
  /** The container is about to be killed: no more probes until it has been replaced. */
  readonly onHold: boolean;
}

const INITIAL: Readonly<Record<ProbeType, ProbeResult>> = { readiness: 'failure', liveness: 'success', startup: 'unknown' };

export function initialState(type: ProbeType, result: ProbeResult = INITIAL[type]): ProbeState {
  return { result, last: result, run: 0, onHold: false };
}

/** Pure: the state after one more outcome. An outcome that is not known (the probe could not be made) changes nothing. */
export function nextState(state: ProbeState, type: ProbeType, probe: Probe, outcome: ProbeResult): ProbeState {
  if (outcome === 'unknown' || state.onHold) return state;
  const run = outcome === state.last ? state.run + 1 : 1;
  const threshold = outcome === 'failure' ? (probe.failureThreshold ?? 3) : (probe.successThreshold ?? 1);
  if (run < threshold) return { ...state, last: outcome, run };
  const onHold = outcome === 'failure' && type !== 'readiness';
  return { result: outcome, last: outcome, run, onHold };
}
