import { afterAll, beforeAll, describe } from 'vitest';
import { describeContainers } from './testing/container-contract.ts';
import { Harness, type LeftOut, type RuntimeUnderTest } from './testing/harness.ts';
import { describeForwarding } from './testing/linux/forwarding.ts';
import { describePods } from './testing/linux/pods.ts';
import { describeProcesses } from './testing/linux/processes.ts';
import { describeSecurity } from './testing/linux/security.ts';
import { describeTerminals } from './testing/linux/terminals.ts';
import { describeUsage } from './testing/linux/usage.ts';
import { describeSandboxes } from './testing/sandbox-contract.ts';
import { describeStreams } from './testing/stream-contract.ts';

export { describePodNetworkContract, type NetworkUnderTest } from './testing/pod-network-contract.ts';
export { containerConfig, FOREVER, HUNGRY, outputOf, sandboxConfig, type ContainerChanges } from './testing/configs.ts';
export { Harness } from './testing/harness.ts';
export type { LeftOut, Program, Programs, RuntimeUnderTest, ScriptOptions } from './testing/harness.ts';

/** Some runtimes have to be brought up first. */
const OPEN_TIMEOUT_MS = 120_000;

/**
 * The contract of `ContainerRuntime` as a suite of tests: a runtime that passes it may be used wherever one is wanted. `open` is called once;
 * the suite closes the runtime, and removes its own pods alone.
 */
export function describeRuntimeContract(name: string, open: () => Promise<RuntimeUnderTest>): void {
  describe(`${name}, as a ContainerRuntime`, () => {
    const harness = new Harness(open);
    beforeAll(() => harness.open(), OPEN_TIMEOUT_MS);
    afterAll(() => harness.close(), OPEN_TIMEOUT_MS);
    describeSandboxes(harness);
    describeContainers(harness);
    describeStreams(harness);
  });
}

/**
 * What a runtime must do beyond the contract if it runs real processes on Linux: namespaces, users, rights, mounts, limits, terminals, ports. The image
 * has to be one of busybox, with its tools. Needs the right to do all that. `leftOut` has what a runtime cannot do, by the titles of tests.
 */
export function describeLinuxRuntime(name: string, open: () => Promise<RuntimeUnderTest>, leftOut: LeftOut = {}): void {
  describe(`${name}, as a runtime on Linux`, () => {
    const harness = new Harness(open, leftOut);
    beforeAll(() => harness.open(), OPEN_TIMEOUT_MS);
    afterAll(() => harness.close(), OPEN_TIMEOUT_MS);
    afterAll(() => harness.checkLeftOut());
    describePods(harness);
    describeProcesses(harness);
    describeSecurity(harness);
    describeTerminals(harness);
    describeForwarding(harness);
    describeUsage(harness);
  });
}
