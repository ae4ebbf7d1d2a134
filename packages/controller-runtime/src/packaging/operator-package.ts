import type { KubernetesObject } from '@keelson/api';
import type { CustomResourceDefinition } from '@keelson/api/apiextensions/v1';
import { rbacManifests, type RbacOptions } from '../rbac.ts';
import type { AdmissionWebhook } from '../webhooks/admission.ts';
import { webhookConfigurations } from '../webhooks/registration.ts';

/** All that has to be known of an operator to install it, whichever way. */
export interface OperatorPackage extends Omit<RbacOptions, 'namespace' | 'webhooks'> {
  /** In semantic versioning; also the tag of the image. */
  readonly version: string;
  /** Without a tag: `ghcr.io/example/website-operator`. */
  readonly image: string;
  /** One sentence. */
  readonly description?: string;
  readonly definitions: readonly CustomResourceDefinition[];
  /** What its webhook server serves. It puts in itself whom to trust, when it starts. */
  readonly admission?: readonly AdmissionWebhook[];
  /** It serves conversions, so that there is a Service even without admission webhooks. Registered by itself. */
  readonly converts?: boolean;
  /**
   * What the image's entry point is given; `$(POD_NAMESPACE)` is the operator's own. Default: `--leader-elect` if it elects a leader,
   * `--namespace=$(POD_NAMESPACE)`, and `--webhook-service=<name>` if it serves webhooks.
   */
  readonly args?: readonly string[];
  /** Default 9443. */
  readonly webhookPort?: number;
  /** Of health checks and metrics. Default 8080. */
  readonly statusPort?: number;
}

/** What each way of installing has its own words for. */
export interface Placement {
  readonly namespace: string;
  readonly image: string;
  /** Fields of the Deployment and its pods that differ. */
  readonly replicas?: unknown;
  readonly imagePullPolicy?: unknown;
  readonly resources?: unknown;
  readonly pod?: Readonly<Record<string, unknown>>;
}

/** Without a user: which one is the image's affair, and some clusters choose it. */
export const POD_SECURITY = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } };
const RESOURCES = { requests: { cpu: '10m', memory: '96Mi' }, limits: { memory: '256Mi' } };

/** The defaults of a Placement. */
export function usualPlacement({ image, version }: OperatorPackage, namespace: string) {
  return { namespace, image: `${image}:${version}`, replicas: 1, imagePullPolicy: 'IfNotPresent', resources: RESOURCES };
}

export function hasWebhooks({ admission = [], converts = false }: OperatorPackage): boolean {
  return admission.length > 0 || converts;
}

/** The objects by what they are about. Definitions are the same everywhere. */
export interface OperatorObjects {
  readonly rbac: readonly KubernetesObject[];
  readonly deployment: KubernetesObject;
  /** Of webhooks. */
  readonly service: KubernetesObject | undefined;
  readonly webhooks: readonly KubernetesObject[];
}

/** What runs an operator, placed somewhere. */
export function operatorObjects(operator: OperatorPackage, placement: Placement): OperatorObjects {
  const { name, admission = [] } = operator;
  const { namespace } = placement;
  const address = { service: { name, namespace } };
  const { mutating, validating } = webhookConfigurations({ name, address, admission, conversions: [] });
  return {
    rbac: rbacManifests({ ...operator, namespace, webhooks: hasWebhooks(operator) }),
    deployment: deploymentOf(operator, placement),
    service: hasWebhooks(operator) ? serviceOf(operator, namespace) : undefined,
    webhooks: [mutating, validating].filter((each) => each !== undefined),
  };
}

/** Everything of an operator as manifests: for `kubectl apply`. */
export function installManifests(operator: OperatorPackage, namespace: string): readonly KubernetesObject[] {
  const { rbac, deployment, service, webhooks } = operatorObjects(operator, usualPlacement(operator, namespace));
  return [...operator.definitions, ...rbac, ...(service ? [service] : []), deployment, ...webhooks];
}

/** What an operator needs to be run from outside of the cluster, as while it is written: definitions and rights. */
export function developmentManifests(operator: OperatorPackage, namespace: string): readonly KubernetesObject[] {
  return [...operator.definitions, ...operatorObjects(operator, usualPlacement(operator, namespace)).rbac];
}

export function labelsOf({ name }: OperatorPackage): Readonly<Record<string, string>> {
  return { 'app.kubernetes.io/name': name };
}

function deploymentOf(operator: OperatorPackage, placement: Placement): KubernetesObject {
  const { namespace, replicas, pod } = placement;
  const labels = labelsOf(operator);
  const spec = {
    serviceAccountName: operator.name,
    securityContext: POD_SECURITY,
    containers: [containerOf(operator, placement)],
    ...pod,
  };
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: operator.name, namespace, labels },
    spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  };
  return deployment;
}

function containerOf(operator: OperatorPackage, { image, imagePullPolicy, resources }: Placement): object {
  const { webhookPort = 9443, statusPort = 8080 } = operator;
  return {
    name: 'operator',
    image,
    imagePullPolicy,
    args: operator.args ?? usualArgs(operator),
    env: [{ name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } }],
    ports: [
      ...(hasWebhooks(operator) ? [{ name: 'webhooks', containerPort: webhookPort }] : []),
      { name: 'status', containerPort: statusPort },
    ],
    livenessProbe: { httpGet: { path: '/healthz', port: 'status' } },
    readinessProbe: { httpGet: { path: '/readyz', port: 'status' } },
    resources,
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
  };
}

function usualArgs(operator: OperatorPackage): readonly string[] {
  return [
    ...(operator.leaderElection ? ['--leader-elect'] : []),
    '--namespace=$(POD_NAMESPACE)',
    ...(hasWebhooks(operator) ? [`--webhook-service=${operator.name}`] : []),
  ];
}

function serviceOf(operator: OperatorPackage, namespace: string): KubernetesObject {
  const labels = labelsOf(operator);
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: operator.name, namespace, labels },
    spec: { selector: labels, ports: [{ name: 'webhooks', port: 443, targetPort: 'webhooks' }] },
  };
  return service;
}
