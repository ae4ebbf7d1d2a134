import { cpuSeconds } from '../measure/processes.ts';

/** What a measurement gave: operations a second, processor time and latency of one. */
export interface Load {
  readonly perSecond: number;
  readonly cpuMicros: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const seconds = Number(process.argv[2] ?? 2);

/** Runs `workers` loops over `work` for the time of one measurement. `pid`: whose processor time counts, if not that of this process. */
export async function measure(
  workers: number,
  work: (worker: number, round: number) => Promise<unknown>,
  pid?: number,
): Promise<Load> {
  const latencies: number[] = [];
  const startMs = performance.now();
  const cpu = process.cpuUsage();
  const cpuOfOther = pid === undefined ? 0 : cpuSeconds([pid]);
  const endMs = startMs + seconds * 1000;
  const run = async (worker: number): Promise<void> => {
    for (let round = 0, atMs = startMs; atMs < endMs; round++) {
      await work(worker, round);
      const doneMs = performance.now();
      latencies.push(doneMs - atMs);
      atMs = doneMs;
    }
  };
  await Promise.all(Array.from({ length: workers }, (_, worker) => run(worker)));
  const { user, system } = process.cpuUsage(cpu);
  const micros = pid === undefined ? user + system : (cpuSeconds([pid]) - cpuOfOther) * 1e6;
  const elapsed = (performance.now() - startMs) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor(share * latencies.length)] ?? Number.NaN;
  return {
    perSecond: latencies.length / elapsed,
    cpuMicros: micros / latencies.length,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
}

/** Of one worker: how many it would do a second if all took as long as the median. */
export function medianRate({ p50Ms }: Load): number {
  return 1000 / p50Ms;
}

export function print(title: string, text: string): void {
  process.stdout.write(`${title.padEnd(46)}${text}\n`);
}

export function show({ perSecond, cpuMicros, p50Ms, p99Ms }: Load): string {
  const rate = `${perSecond.toFixed(perSecond < 100 ? 1 : 0)}/s`.padStart(9);
  return `${rate}  p50 ${p50Ms.toFixed(2)} ms  p99 ${p99Ms.toFixed(2)} ms  cpu ${cpuMicros.toFixed(1)} us`;
}
