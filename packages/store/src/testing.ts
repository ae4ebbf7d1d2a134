import { describe } from 'vitest';
import { describeCommits } from './testing/commit-contract.ts';
import { Harness, type OpenStore } from './testing/harness.ts';
import { describeRandomHistories } from './testing/random-contract.ts';
import { describeReads } from './testing/read-contract.ts';
import { describeReopening, describeTime } from './testing/time-contract.ts';
import { describeWatches } from './testing/watch-contract.ts';

export type { OpenOptions, OpenStore } from './testing/harness.ts';
export { checkLinearizable, type Model, type Operation, type Verdict } from './testing/linearizability/check.ts';
export { listModelOf, registerModel } from './testing/linearizability/models.ts';
export { Workload, type WorkloadOptions, type WorkloadResult } from './testing/linearizability/workload.ts';

export interface ContractOptions {
  /** Whether a place that is opened again has what was in it. */
  readonly durable: boolean;
  /**
   * The data is on a server. It has a clock of its own, so keys expire in real time, and each test empties it and counts revisions from there:
   * nobody else may use it meanwhile.
   */
  readonly remote?: boolean;
}

/** The contract of `Store` as a suite of tests: a driver that passes it may be used wherever a store is wanted. */
export function describeStoreContract(name: string, open: OpenStore, { durable, remote }: ContractOptions): void {
  describe(`${name}, as a Store`, () => {
    const harness = new Harness(open, { remote });
    describeCommits(harness);
    describeReads(harness);
    describeWatches(harness);
    describeTime(harness);
    if (durable) describeReopening(harness);
    describeRandomHistories(harness);
  });
}
