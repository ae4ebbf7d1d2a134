import type { Strategy } from '../registry/strategy.ts';
import {
  mutatingBindingStrategy,
  mutatingPolicyStrategy,
  validatingBindingStrategy,
  validatingPolicyStrategy,
} from './admissionregistration/policy-strategies.ts';
import { mutatingWebhookStrategy, validatingWebhookStrategy } from './admissionregistration/webhook-strategies.ts';
import { asStrategy } from './as-strategy.ts';
import { autoscalerStrategy } from './autoscaling/autoscaler-strategy.ts';
import { signingRequestStrategy } from './certificates/signing-request-strategy.ts';
import {
  deviceClassStrategy,
  resourceClaimStrategy,
  resourceClaimTemplateStrategy,
  resourceSliceStrategy,
} from './devices/device-strategies.ts';
import { withoutFields } from './disabled-fields.ts';
import { flowSchemaStrategy, priorityLevelStrategy } from './flowcontrol/flow-control-strategies.ts';
import { namespaceStrategy, nodeStrategy } from './core/cluster-strategies.ts';
import { configMapStrategy, secretStrategy, serviceAccountStrategy } from './core/config-strategies.ts';
import { endpointSliceStrategy, endpointsStrategy } from './core/endpoint-strategies.ts';
import { limitRangeStrategy } from './core/limit-range-strategy.ts';
import { eventStrategy, leaseStrategy, newEventStrategy } from './core/record-strategies.ts';
import { resourceQuotaStrategy } from './core/resource-quota-strategy.ts';
import { definitionStrategy } from './definition/definition-strategy.ts';
import { controllerRevisionStrategy, counted, podTemplateStrategy, strictUpdates } from './extension/other-strategies.ts';
import { apiServiceStrategy } from './extension/api-service-strategy.ts';
import { ingressClassStrategy, ingressStrategy } from './networking/ingress-strategies.ts';
import { networkPolicyStrategy } from './networking/network-policy-strategy.ts';
import { ipAddressStrategy, serviceCidrStrategy } from './networking/service-range-strategies.ts';
import { podStrategy } from './pod/pod-strategy.ts';
import {
  clusterRoleBindingStrategy,
  clusterRoleStrategy,
  roleBindingStrategy,
  roleStrategy,
} from './policy/access-strategies.ts';
import { disruptionBudgetStrategy, priorityClassStrategy, runtimeClassStrategy } from './policy/scheduling-strategies.ts';
import { serviceStrategy } from './service/service-strategy.ts';
import { claimStrategy } from './storage/claim-strategy.ts';
import { attributesClassStrategy, storageClassStrategy } from './storage/class-strategies.ts';
import { attachmentStrategy, csiDriverStrategy, csiNodeStrategy, storageCapacityStrategy } from './storage/csi-strategies.ts';
import { volumeStrategy } from './storage/volume-strategy.ts';
import { cronJobStrategy } from './workloads/cron-job-strategy.ts';
import { daemonSetStrategy } from './workloads/daemon-set-strategy.ts';
import { deploymentStrategy } from './workloads/deployment-strategy.ts';
import { jobStrategy } from './workloads/job-strategy.ts';
import { replicaSetStrategy, replicationControllerStrategy } from './workloads/replica-set-strategy.ts';
import { statefulSetStrategy } from './workloads/stateful-set-strategy.ts';

const uncounted: Strategy = { hasGeneration: false };
const DISABLED_DEVICE_FIELDS = [
  'spec.devices.*.nodeAllocatableResourceMappings',
  'spec.devices.*.attributes.*.bools',
  'spec.devices.*.attributes.*.ints',
  'spec.devices.*.attributes.*.strings',
  'spec.devices.*.attributes.*.versions',
];
const ADMISSION = 'admissionregistration.k8s.io';
const RBAC = 'rbac.authorization.k8s.io';

/** Strategies by `group/kind`; kinds that are missing here have nothing of their own. */
export const STRATEGIES: ReadonlyMap<string, Strategy> = new Map([
  ['/ConfigMap', asStrategy(configMapStrategy)],
  ['/Endpoints', asStrategy(endpointsStrategy)],
  ['/Event', asStrategy(eventStrategy)],
  ['/LimitRange', asStrategy(limitRangeStrategy)],
  ['/Namespace', asStrategy(namespaceStrategy)],
  ['/Node', asStrategy(nodeStrategy)],
  ['/PersistentVolume', asStrategy(volumeStrategy)],
  ['/PersistentVolumeClaim', asStrategy(claimStrategy)],
  ['/Pod', withoutFields(asStrategy(podStrategy), ['spec.schedulingGroup'])],
  ['/PodTemplate', withoutFields(asStrategy(podTemplateStrategy), ['template.spec.schedulingGroup'])],
  ['/ReplicationController', withoutFields(asStrategy(replicationControllerStrategy), ['spec.template.spec.schedulingGroup'])],
  ['/ResourceQuota', asStrategy(resourceQuotaStrategy)],
  ['/Secret', asStrategy(secretStrategy)],
  ['/Service', asStrategy(serviceStrategy())],
  ['/ServiceAccount', asStrategy(serviceAccountStrategy)],
  [`${ADMISSION}/MutatingAdmissionPolicy`, asStrategy(mutatingPolicyStrategy)],
  [`${ADMISSION}/MutatingAdmissionPolicyBinding`, asStrategy(mutatingBindingStrategy)],
  [`${ADMISSION}/MutatingWebhookConfiguration`, asStrategy(mutatingWebhookStrategy)],
  [`${ADMISSION}/ValidatingAdmissionPolicy`, asStrategy(validatingPolicyStrategy)],
  [`${ADMISSION}/ValidatingAdmissionPolicyBinding`, asStrategy(validatingBindingStrategy)],
  [`${ADMISSION}/ValidatingWebhookConfiguration`, asStrategy(validatingWebhookStrategy)],
  ['apiextensions.k8s.io/CustomResourceDefinition', asStrategy(definitionStrategy())],
  ['apiregistration.k8s.io/APIService', asStrategy(apiServiceStrategy)],
  ['apps/ControllerRevision', asStrategy(controllerRevisionStrategy)],
  ['apps/DaemonSet', withoutFields(asStrategy(daemonSetStrategy), ['spec.template.spec.schedulingGroup'])],
  ['apps/Deployment', withoutFields(asStrategy(deploymentStrategy), ['spec.template.spec.schedulingGroup'])],
  ['apps/ReplicaSet', withoutFields(asStrategy(replicaSetStrategy), ['spec.template.spec.schedulingGroup'])],
  ['apps/StatefulSet', withoutFields(asStrategy(statefulSetStrategy), ['spec.template.spec.schedulingGroup'])],
  ['autoscaling/HorizontalPodAutoscaler', asStrategy(autoscalerStrategy)],
  ['batch/CronJob', withoutFields(asStrategy(cronJobStrategy), ['spec.jobTemplate.spec.template.spec.schedulingGroup'])],
  ['batch/Job', withoutFields(asStrategy(jobStrategy), ['spec.template.spec.schedulingGroup'])],
  ['certificates.k8s.io/CertificateSigningRequest', asStrategy(signingRequestStrategy)],
  ['coordination.k8s.io/Lease', withoutFields(asStrategy(leaseStrategy), ['spec.strategy', 'spec.preferredHolder'])],
  ['coordination.k8s.io/LeaseCandidate', strictUpdates],
  ['discovery.k8s.io/EndpointSlice', asStrategy(endpointSliceStrategy)],
  ['events.k8s.io/Event', asStrategy(newEventStrategy)],
  ['flowcontrol.apiserver.k8s.io/FlowSchema', asStrategy(flowSchemaStrategy)],
  ['flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration', asStrategy(priorityLevelStrategy)],
  ['internal.apiserver.k8s.io/StorageVersion', { ...strictUpdates, hasGeneration: false }],
  ['networking.k8s.io/IPAddress', asStrategy(ipAddressStrategy)],
  ['networking.k8s.io/Ingress', asStrategy(ingressStrategy)],
  ['networking.k8s.io/IngressClass', asStrategy(ingressClassStrategy)],
  ['networking.k8s.io/NetworkPolicy', asStrategy(networkPolicyStrategy)],
  ['networking.k8s.io/ServiceCIDR', asStrategy(serviceCidrStrategy)],
  ['node.k8s.io/RuntimeClass', asStrategy(runtimeClassStrategy)],
  ['policy/PodDisruptionBudget', asStrategy(disruptionBudgetStrategy)],
  [`${RBAC}/ClusterRole`, asStrategy(clusterRoleStrategy)],
  [`${RBAC}/ClusterRoleBinding`, asStrategy(clusterRoleBindingStrategy)],
  [`${RBAC}/Role`, asStrategy(roleStrategy)],
  [`${RBAC}/RoleBinding`, asStrategy(roleBindingStrategy)],
  ['resource.k8s.io/DeviceClass', asStrategy(deviceClassStrategy)],
  ['resource.k8s.io/DeviceTaintRule', counted],
  ['resource.k8s.io/ResourceClaim', asStrategy(resourceClaimStrategy)],
  ['resource.k8s.io/ResourceClaimTemplate', asStrategy(resourceClaimTemplateStrategy)],
  ['resource.k8s.io/ResourceSlice', withoutFields(asStrategy(resourceSliceStrategy), DISABLED_DEVICE_FIELDS)],
  ['scheduling.k8s.io/PriorityClass', asStrategy(priorityClassStrategy)],
  ['storage.k8s.io/CSIDriver', withoutFields(asStrategy(csiDriverStrategy), ['spec.preventPodSchedulingIfMissing'])],
  ['storage.k8s.io/CSINode', asStrategy(csiNodeStrategy)],
  ['storage.k8s.io/CSIStorageCapacity', asStrategy(storageCapacityStrategy)],
  ['storage.k8s.io/StorageClass', asStrategy(storageClassStrategy)],
  ['storage.k8s.io/VolumeAttachment', asStrategy(attachmentStrategy)],
  ['storage.k8s.io/VolumeAttributesClass', asStrategy(attributesClassStrategy)],
  ['storagemigration.k8s.io/StorageVersionMigration', uncounted],
]);
