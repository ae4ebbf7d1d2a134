import { parseQuantity } from '@keelson/api';

/** What a node may run out of. */
export const SIGNALS = [
  'memory.available',
  'nodefs.available',
  'nodefs.inodesFree',
  'imagefs.available',
  'imagefs.inodesFree',
  'pid.available',
] as const;
export type Signal = (typeof SIGNALS)[number];

/** How much of it is left, out of how much. */
export interface Reading {
  readonly available: number;
  readonly capacity: number;
}

/** Signals that nobody can read are left out. */
export type Observation = ReadonlyMap<Signal, Reading>;

/** Amounts (`100Mi`) or parts of the capacity (`10%`), by signal. */
export type SignalAmounts = Readonly<Partial<Record<Signal, string>>>;

export interface EvictionOptions {
  /** Pods have to go at once below these. Default: memory 100Mi, nodefs 10% and 5% of inodes, imagefs 15% and 5% of inodes. */
  readonly hard?: SignalAmounts;
  /** Pods have to go, with grace, when less was left for as long as `softGracePeriodSeconds` says. Default: none. */
  readonly soft?: SignalAmounts;
  readonly softGracePeriodSeconds?: Readonly<Partial<Record<Signal, number>>>;
  /** The most grace that a pod gets at a soft threshold. Default: its own. */
  readonly maxPodGracePeriodSeconds?: number;
  /** How much more than the threshold has to be free again. Default: none. */
  readonly minimumReclaim?: SignalAmounts;
  /** For how long a node still says that it is under pressure when it is no more. Default 300. */
  readonly pressureTransitionSeconds?: number;
}

/** What holds where nothing is said. */
export const DEFAULT_HARD: SignalAmounts = {
  'memory.available': '100Mi',
  'nodefs.available': '10%',
  'nodefs.inodesFree': '5%',
  'imagefs.available': '15%',
  'imagefs.inodesFree': '5%',
};

export interface Threshold {
  readonly signal: Signal;
  readonly amount: string;
  readonly isHard: boolean;
  /** 0 for a hard one. */
  readonly graceMs: number;
  readonly minimumReclaim: string;
}

/** Pure: the thresholds that options ask for. */
export function thresholdsOf(options: EvictionOptions): readonly Threshold[] {
  const { hard = DEFAULT_HARD, minimumReclaim = {}, soft = {}, softGracePeriodSeconds = {} } = options;
  const from = (amounts: SignalAmounts, isHard: boolean): Threshold[] =>
    SIGNALS.flatMap((signal) => {
      const amount = amounts[signal];
      if (amount === undefined) return [];
      const graceMs = isHard ? 0 : (softGracePeriodSeconds[signal] ?? 0) * 1000;
      return [{ signal, amount, isHard, graceMs, minimumReclaim: minimumReclaim[signal] ?? '0' }];
    });
  return [...from(hard, true), ...from(soft, false)];
}

/** An amount in units of what is read; a part of `capacity` where it ends with `%`. */
export function amountOf(text: string, capacity: number): number {
  if (text.endsWith('%')) return (Number(text.slice(0, -1)) / 100) * capacity;
  return Number(parseQuantity(text).value());
}

/** Pure: the thresholds that are crossed. One that was crossed before stays so until its minimum is reclaimed as well. */
export function crossed(
  thresholds: readonly Threshold[],
  observation: Observation,
  before: readonly Threshold[],
): readonly Threshold[] {
  return thresholds.filter((threshold) => {
    const reading = observation.get(threshold.signal);
    if (!reading) return false;
    const { amount, minimumReclaim } = threshold;
    const reclaim = before.includes(threshold) ? amountOf(minimumReclaim, reading.capacity) : 0;
    return reading.available < amountOf(amount, reading.capacity) + reclaim;
  });
}

/** What a node under pressure says of itself. */
export type Pressure = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';

export function pressureOf(signal: Signal): Pressure {
  if (signal === 'memory.available') return 'MemoryPressure';
  return signal === 'pid.available' ? 'PIDPressure' : 'DiskPressure';
}

/** What is taken back, by its name as a resource. */
export function resourceOf(signal: Signal): 'memory' | 'ephemeral-storage' | 'inodes' | 'pids' {
  if (signal === 'memory.available') return 'memory';
  if (signal === 'pid.available') return 'pids';
  return signal.endsWith('inodesFree') ? 'inodes' : 'ephemeral-storage';
}
