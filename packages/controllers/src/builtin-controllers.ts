import { ephemeralVolumeController } from './ephemeral-volume/ephemeral-volume-controller.ts';
import { claimProtectionController } from './storage-protection/claim-protection-controller.ts';
import { persistentVolumeBinderController } from './persistentvolume-binder/persistent-volume-binder-controller.ts';
import { volumeProtectionController } from './storage-protection/volume-protection-controller.ts';
import { nodeIpamController } from './node-ipam/node-ipam-controller.ts';
import { serviceAccountTokenController } from './serviceaccount-token/service-account-token-controller.ts';
import { bootstrapSignerController } from './bootstrap-tokens/bootstrap-signer.ts';
import { tokenCleanerController } from './bootstrap-tokens/token-cleaner.ts';
import { certificateApprovingController } from './certificates/certificate-approving-controller.ts';
import { certificateCleanerController } from './certificates/certificate-cleaner-controller.ts';
import { certificateSigningController } from './certificates/certificate-signing-controller.ts';
import { servingApprovingController } from './certificates/serving-approving-controller.ts';
import { clusterRoleAggregationController } from './clusterrole-aggregation/cluster-role-aggregation-controller.ts';
import type { ControllerFactory, ControllerOptions } from './controller-context.ts';
import { cronJobController } from './cronjob/cron-job-controller.ts';
import { daemonSetController } from './daemonset/daemon-set-controller.ts';
import { deploymentController } from './deployment/deployment-controller.ts';
import { disruptionController } from './disruption/disruption-controller.ts';
import { endpointsController } from './endpoints/endpoints-controller.ts';
import { endpointSliceMirroringController } from './endpointslice-mirroring/endpoint-slice-mirroring-controller.ts';
import { endpointSliceController } from './endpointslice/endpoint-slice-controller.ts';
import { garbageCollectorController } from './garbage-collector/garbage-collector-controller.ts';
import { horizontalPodAutoscalerController } from './horizontalpodautoscaler/horizontal-pod-autoscaler-controller.ts';
import { jobController } from './job/job-controller.ts';
import { namespaceController } from './namespace/namespace-controller.ts';
import { nodeLifecycleController } from './node-lifecycle/node-lifecycle-controller.ts';
import { podGarbageCollectorController } from './pod-garbage-collector/pod-garbage-collector-controller.ts';
import { replicaSetController } from './replicaset/replicaset-controller.ts';
import { replicationControllerController } from './replicationcontroller/replicationcontroller-controller.ts';
import { resourceQuotaController } from './resourcequota/resource-quota-controller.ts';
import { rootCaCertificatePublisherController } from './root-ca-certificate-publisher/root-ca-certificate-publisher-controller.ts';
import { serviceCidrController } from './service-cidr/service-cidr-controller.ts';
import { serviceLbController } from './service-lb/service-lb-controller.ts';
import { serviceAccountController } from './serviceaccount/service-account-controller.ts';
import { statefulSetController } from './statefulset/stateful-set-controller.ts';
import { taintEvictionController } from './taint-eviction/taint-eviction-controller.ts';
import { ttlAfterFinishedController } from './ttl-after-finished/ttl-after-finished-controller.ts';

/** The built-in controllers by the names that kube-controller-manager's `--controllers` has for them. */
export function builtinControllers(options: ControllerOptions): Readonly<Record<string, ControllerFactory>> {
  const { signer, rootCa, legacyTokens, nodeCidrs, loadBalancers } = options;
  return {
    ...(options.bootstrapTokens && {
      'bootstrap-signer-controller': bootstrapSignerController,
      'token-cleaner-controller': tokenCleanerController,
    }),
    ...(signer && { 'certificatesigningrequest-signing-controller': certificateSigningController(signer) }),
    ...(legacyTokens && { 'serviceaccount-token-controller': serviceAccountTokenController({ rootCa, legacyTokens }) }),
    ...(options.approveServing && { 'kubelet-serving-approving-controller': servingApprovingController }),
    ...(nodeCidrs && { 'node-ipam-controller': nodeIpamController(nodeCidrs) }),
    ...(loadBalancers && { 'service-lb-controller': serviceLbController(loadBalancers) }),
    'certificatesigningrequest-approving-controller': certificateApprovingController,
    'certificatesigningrequest-cleaner-controller': certificateCleanerController,
    'clusterrole-aggregation-controller': clusterRoleAggregationController,
    'ephemeral-volume-controller': ephemeralVolumeController,
    'persistentvolume-binder-controller': persistentVolumeBinderController,
    'persistentvolume-protection-controller': volumeProtectionController,
    'persistentvolumeclaim-protection-controller': claimProtectionController,
    'cronjob-controller': cronJobController,
    'daemonset-controller': daemonSetController,
    'deployment-controller': deploymentController,
    'disruption-controller': disruptionController,
    'pod-garbage-collector-controller': podGarbageCollectorController(),
    'replicaset-controller': replicaSetController,
    'replicationcontroller-controller': replicationControllerController,
    'endpoints-controller': endpointsController,
    'endpointslice-controller': endpointSliceController(),
    'endpointslice-mirroring-controller': endpointSliceMirroringController(),
    'garbage-collector-controller': garbageCollectorController,
    'horizontal-pod-autoscaler-controller': horizontalPodAutoscalerController(),
    'job-controller': jobController,
    'namespace-controller': namespaceController,
    'node-lifecycle-controller': nodeLifecycleController(),
    'resourcequota-controller': resourceQuotaController,
    'service-cidr-controller': serviceCidrController,
    'statefulset-controller': statefulSetController,
    'taint-eviction-controller': taintEvictionController,
    'ttl-after-finished-controller': ttlAfterFinishedController,
    'serviceaccount-controller': serviceAccountController,
    'root-ca-certificate-publisher-controller': rootCaCertificatePublisherController(options),
  };
}
