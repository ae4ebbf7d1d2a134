export { eventually } from './eventually.ts';
export type { TestNode } from './simulated-node.ts';
export { startTestCluster, type TestCluster, type TestClusterOptions } from './test-cluster.ts';
