import { ReplicationController } from '@keelson/api/core/v1';
import type { ControllerFactory } from '../controller-context.ts';
import { replicatedController } from '../replicaset/replicated-controller.ts';
import type { ReplicatedKind } from '../replicaset/replicated.ts';

const replicationControllers: ReplicatedKind<ReplicationController> = {
  name: 'replicationcontroller-controller',
  kind: ReplicationController,
  selectorOf: ({ spec }) => ({ matchLabels: spec?.selector }),
  countsTerminating: false,
};

/** Keeps as many pods as each ReplicationController wants. */
export const replicationControllerController: ControllerFactory = (context) =>
  replicatedController(context, replicationControllers);
