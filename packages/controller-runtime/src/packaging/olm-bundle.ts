import type { KubernetesObject } from '@keelson/api';
import { rbacRules } from '../rbac.ts';
import { yamlOf, type Files } from './files.ts';
import { hasWebhooks, operatorObjects, usualPlacement, type OperatorPackage } from './operator-package.ts';

/** Bundles are laid out by these labels, in the image and beside it. */
const LAYOUT = 'operators.operatorframework.io.bundle';
const CHANNEL = 'stable';

/**
 * A bundle for the Operator Lifecycle Manager: the ClusterServiceVersion with Deployment and rights, the definitions, and the Dockerfile of the
 * bundle's image. Webhooks are not in it: the operator registers them itself, with certificates of its own.
 */
export function olmBundle(operator: OperatorPackage): Files {
  const { name, definitions } = operator;
  const { service } = operatorObjects(operator, usualPlacement(operator, ''));
  const annotations = {
    [`${LAYOUT}.mediatype.v1`]: 'registry+v1',
    [`${LAYOUT}.manifests.v1`]: 'manifests/',
    [`${LAYOUT}.metadata.v1`]: 'metadata/',
    [`${LAYOUT}.package.v1`]: name,
    [`${LAYOUT}.channels.v1`]: CHANNEL,
    [`${LAYOUT}.channel.default.v1`]: CHANNEL,
  };
  const labels = Object.entries(annotations).map(([key, value]) => `LABEL ${key}=${value}\n`);
  return new Map([
    [`manifests/${name}.clusterserviceversion.yaml`, yamlOf(serviceVersionOf(operator))],
    ...definitions.map((each): [string, string] => [`manifests/${each.metadata?.name}.yaml`, yamlOf(each)]),
    ...(service ? [[`manifests/${name}-service.yaml`, yamlOf(withoutNamespace(service))] as const] : []),
    ['metadata/annotations.yaml', yamlOf({ annotations })],
    ['bundle.Dockerfile', `FROM scratch\n${labels.join('')}COPY manifests /manifests/\nCOPY metadata /metadata/\n`],
  ]);
}

function serviceVersionOf(operator: OperatorPackage): object {
  const { name, version, image, description = `The operator ${name}`, definitions } = operator;
  return {
    apiVersion: 'operators.coreos.com/v1alpha1',
    kind: 'ClusterServiceVersion',
    metadata: {
      name: `${name}.v${version}`,
      annotations: { capabilities: 'Basic Install', containerImage: `${image}:${version}` },
    },
    spec: {
      displayName: name,
      description,
      version,
      maturity: 'alpha',
      minKubeVersion: '1.25.0',
      provider: { name },
      installModes: ['OwnNamespace', 'SingleNamespace', 'MultiNamespace', 'AllNamespaces'].map((type) => ({
        type,
        supported: type === 'AllNamespaces',
      })),
      customresourcedefinitions: { owned: definitions.flatMap(ownedOf) },
      install: { strategy: 'deployment', spec: strategyOf(operator) },
    },
  };
}

function ownedOf({ metadata, spec }: OperatorPackage['definitions'][number]): readonly object[] {
  return spec.versions.map(({ name: version, schema }) => ({
    name: metadata?.name,
    version,
    kind: spec.names.kind,
    displayName: spec.names.kind,
    description: schema?.openAPIV3Schema?.description ?? `A ${spec.names.kind} of ${spec.group}`,
  }));
}

/** OLM makes account, roles and bindings itself, of rules. */
function strategyOf(operator: OperatorPackage): object {
  const { deployment } = operatorObjects(operator, usualPlacement(operator, ''));
  const rules = rbacRules({ ...operator, webhooks: hasWebhooks(operator) });
  const { spec } = deployment as KubernetesObject & { readonly spec: object };
  return {
    clusterPermissions: [{ serviceAccountName: operator.name, rules }],
    deployments: [{ name: operator.name, label: deployment.metadata?.labels, spec }],
  };
}

function withoutNamespace(object: KubernetesObject): KubernetesObject {
  const { namespace: _, ...metadata } = object.metadata ?? {};
  return { ...object, metadata };
}
