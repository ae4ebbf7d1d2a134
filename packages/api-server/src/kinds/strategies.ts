import type { Strategy } from '../registry/strategy.ts';
import { asStrategy } from './as-strategy.ts';
import { podStrategy } from './pod/pod-strategy.ts';
import { serviceStrategy } from './service/service-strategy.ts';
import { daemonSetStrategy } from './workloads/daemon-set-strategy.ts';
import { deploymentStrategy } from './workloads/deployment-strategy.ts';
import { cronJobStrategy, jobStrategy } from './workloads/job-strategy.ts';
import { replicaSetStrategy, replicationControllerStrategy } from './workloads/replica-set-strategy.ts';
import { statefulSetStrategy } from './workloads/stateful-set-strategy.ts';

/** Strategies by `group/kind`. */
export const STRATEGIES: ReadonlyMap<string, Strategy> = new Map([
  ['/Pod', asStrategy(podStrategy)],
  ['/Service', asStrategy(serviceStrategy())],
  ['/ReplicationController', asStrategy(replicationControllerStrategy)],
  ['apps/DaemonSet', asStrategy(daemonSetStrategy)],
  ['apps/Deployment', asStrategy(deploymentStrategy)],
  ['apps/ReplicaSet', asStrategy(replicaSetStrategy)],
  ['apps/StatefulSet', asStrategy(statefulSetStrategy)],
  ['batch/CronJob', asStrategy(cronJobStrategy)],
  ['batch/Job', asStrategy(jobStrategy)],
]);
