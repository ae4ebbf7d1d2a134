import type { Descriptions } from './shared.ts';

/** Workloads of the group `apps`. */
export const APPS: Descriptions = {
  'apps.v1.ControllerRevision': {
    '': 'One state of a StatefulSet or DaemonSet that can be gone back to. Its data never change.',
    data: 'The state itself.',
    revision: 'Its place in the order of revisions.',
  },
  'apps.v1.DaemonSet': {
    '': 'Keeps one pod running on each node that fits.',
  },
  'apps.v1.DaemonSetCondition': {
    '': 'One aspect of the state of a DaemonSet.',
  },
  'apps.v1.DaemonSetSpec': {
    '': 'What is wanted of a DaemonSet.',
    selector: 'Which pods are its own. Must match the labels of the template, and cannot be changed.',
    template: "What each pod is made from. It runs on every node that the template's node selector and affinity allow.",
    updateStrategy: 'How old pods are replaced when the template changes.',
  },
  'apps.v1.DaemonSetStatus': {
    '': 'What was last observed of a DaemonSet.',
    currentNumberScheduled: 'Nodes that run at least one pod of it and are supposed to.',
    desiredNumberScheduled: 'Nodes that are supposed to run a pod of it.',
    numberAvailable: 'Nodes that have an available pod of it.',
    numberMisscheduled: 'Nodes that run a pod of it though they are not supposed to.',
    numberReady: 'Nodes that have a ready pod of it.',
    numberUnavailable: 'Nodes that should have an available pod of it, and have none.',
    updatedNumberScheduled: 'Nodes that run a pod of the newest template.',
  },
  'apps.v1.DaemonSetUpdateStrategy': {
    '': 'How pods of a DaemonSet are replaced.',
    rollingUpdate: 'How fast, if the type is `RollingUpdate`.',
    type: '`RollingUpdate` replaces pods by itself; `OnDelete` waits until somebody deletes them.',
  },
  'apps.v1.Deployment': {
    '': 'Keeps a number of equal pods running, and replaces them step by step when their template changes.',
  },
  'apps.v1.DeploymentCondition': {
    '': 'One aspect of the state of a Deployment.',
    lastUpdateTime: 'When anything of this condition last changed.',
    type: '`Available`, `Progressing` or `ReplicaFailure`.',
  },
  'apps.v1.DeploymentSpec': {
    '': 'What is wanted of a Deployment.',
    minReadySeconds: 'How long a new pod must be ready to count as available.',
    paused: 'If true, changes of the template are not rolled out.',
    progressDeadlineSeconds: 'After so many seconds without progress the rollout counts as failed. 600 if absent.',
    replicas: 'How many pods. 1 if absent.',
    revisionHistoryLimit: 'How many old ReplicaSets are kept to roll back to. 10 if absent.',
    selector: 'Labels of the pods that belong to it. Cannot be changed, and must match those of the template.',
    strategy: 'How old pods are replaced by new ones.',
    template: 'What new pods look like.',
  },
  'apps.v1.DeploymentStatus': {
    '': 'What was last observed of a Deployment.',
    availableReplicas: 'Pods that have been ready for `minReadySeconds`.',
    readyReplicas: 'Pods that are ready.',
    replicas: 'All pods that are its own and not going.',
    terminatingReplicas: 'Pods that are on their way out.',
    unavailableReplicas: 'Pods that are still missing until all that are wanted are available.',
    updatedReplicas: 'Pods of the newest template.',
  },
  'apps.v1.DeploymentStrategy': {
    '': 'How pods of a Deployment are replaced.',
    rollingUpdate: 'How fast, if the type is `RollingUpdate`.',
    type: '`RollingUpdate` or `Recreate`.',
  },
  'apps.v1.ReplicaSet': {
    '': 'Keeps a number of equal pods running. Usually made by a Deployment.',
  },
  'apps.v1.ReplicaSetCondition': {
    '': 'One aspect of the state of a ReplicaSet.',
  },
  'apps.v1.ReplicaSetSpec': {
    '': 'What is wanted of a ReplicaSet.',
    replicas: 'How many pods there are to be. Defaults to 1.',
    selector: 'Which pods are its own. Must match the labels of the template, and cannot be changed.',
    template: 'What pods are made from when there are too few.',
  },
  'apps.v1.ReplicaSetStatus': {
    '': 'What was last observed of a ReplicaSet.',
    availableReplicas: 'Pods that have been ready for `minReadySeconds`.',
    fullyLabeledReplicas: 'Pods that have all labels of the template.',
    readyReplicas: 'Pods that are ready.',
    replicas: 'All pods that are its own and not going.',
    terminatingReplicas: 'Pods that are on their way out.',
  },
  'apps.v1.RollingUpdateDaemonSet': {
    '': 'How fast pods of a DaemonSet are replaced.',
    maxSurge: 'On how many nodes a new pod may run beside the old one, as a count or a percentage of the nodes. Defaults to 0.',
    maxUnavailable: 'On how many nodes the pod may be missing meanwhile, as a count or a percentage of the nodes. Defaults to 1.',
  },
  'apps.v1.RollingUpdateDeployment': {
    '': 'How fast pods of a Deployment are replaced.',
    maxSurge: 'How many pods more than wanted there may be meanwhile, as a number or a percentage. 25% if absent.',
    maxUnavailable: 'How many pods may be missing meanwhile, as a number or a percentage. 25% if absent.',
  },
  'apps.v1.RollingUpdateStatefulSetStrategy': {
    '': 'How pods of a StatefulSet are replaced.',
    maxUnavailable: 'How many pods may be missing meanwhile, as a count or a percentage of the replicas. Defaults to 1.',
    partition: 'Only pods with this ordinal or a higher one are replaced. Defaults to 0.',
  },
  'apps.v1.StatefulSet': {
    '': 'Keeps pods running that have each a name and storage of their own, one after the other.',
  },
  'apps.v1.StatefulSetCondition': {
    '': 'One aspect of the state of a StatefulSet.',
  },
  'apps.v1.StatefulSetOrdinals': {
    '': 'How pods of a StatefulSet are numbered.',
    start: 'The number of the first pod. Defaults to 0.',
  },
  'apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy': {
    '': 'What becomes of the claims that were made from `volumeClaimTemplates`.',
    whenDeleted: '`Retain` keeps them when the StatefulSet is deleted, `Delete` deletes them with it. Defaults to `Retain`.',
    whenScaled:
      '`Retain` keeps them when there are fewer replicas, `Delete` deletes those of pods that go. Defaults to `Retain`.',
  },
  'apps.v1.StatefulSetSpec': {
    '': 'What is wanted of a StatefulSet.',
    ordinals: 'How its pods are numbered; from 0 on if absent.',
    persistentVolumeClaimRetentionPolicy: 'What becomes of the claims that it has made.',
    podManagementPolicy:
      '`OrderedReady` makes one pod after the other, each when the one before is ready, and takes them away in the opposite order; `Parallel` does not wait. Cannot be changed.',
    replicas: 'How many pods there are to be. Defaults to 1.',
    selector: 'Which pods are its own. Must match the labels of the template, and cannot be changed.',
    serviceName: 'The headless Service under which its pods have names of their own. Cannot be changed.',
    template: 'What each pod is made from. Pods are called like the StatefulSet, with their number behind it.',
    updateStrategy: 'How old pods are replaced when the template changes.',
    volumeClaimTemplates: 'Claims that each pod gets for itself, and finds again when it is replaced.',
  },
  'apps.v1.StatefulSetStatus': {
    '': 'What was last observed of a StatefulSet.',
    availableReplicas: 'Pods that have been ready for `minReadySeconds`.',
    currentReplicas: 'Pods of `currentRevision`.',
    currentRevision: 'The revision of pods that have not been replaced yet.',
    readyReplicas: 'Pods that are ready.',
    replicas: 'All pods that it has made.',
    updateRevision: 'The revision of pods that have been replaced.',
    updatedReplicas: 'Pods of `updateRevision`.',
  },
  'apps.v1.StatefulSetUpdateStrategy': {
    '': 'How pods of a StatefulSet are replaced.',
    rollingUpdate: 'Which pods and how fast, if the type is `RollingUpdate`.',
    type: '`RollingUpdate` replaces pods by itself, the last one first; `OnDelete` waits until somebody deletes them.',
  },
};
