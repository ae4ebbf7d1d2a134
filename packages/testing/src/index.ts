export { startCluster, type TestCluster, type TestClusterOptions } from './cluster.ts';
export { eventually } from '@keelson/base/testing';
export { Faults, type Failure, type Fault, type Match } from './faults.ts';
export type { HotLoopLimit } from './problems.ts';
export type { TestNode } from './simulated-node.ts';
export { Snapshot } from './snapshot.ts';
