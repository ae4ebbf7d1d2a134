import type { KubernetesObject } from '@keelson/api';
import { yamlOf, type Files } from './files.ts';
import { operatorObjects, usualPlacement, type OperatorPackage } from './operator-package.ts';

/** A base for kustomize, in a namespace of its own. Overlays set `namespace`, `images`, `replicas` and patches as for any other. */
export function kustomizeBase(operator: OperatorPackage): Files {
  const { name, image, version } = operator;
  const namespace = `${name}-system`;
  const { rbac, deployment, service, webhooks } = operatorObjects(operator, {
    ...usualPlacement(operator, namespace),
    image: name,
  });
  const home = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
  const parts: readonly (readonly [string, readonly KubernetesObject[]])[] = [
    ['namespace.yaml', [home]],
    ['definitions.yaml', operator.definitions],
    ['rbac.yaml', rbac],
    ['service.yaml', service ? [service] : []],
    ['deployment.yaml', [deployment]],
    ['webhooks.yaml', webhooks],
  ];
  const present = parts.filter(([, objects]) => objects.length > 0);
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    namespace,
    resources: present.map(([file]) => file),
    images: [{ name, newName: image, newTag: version }],
  };
  return new Map([
    ['kustomization.yaml', yamlOf(kustomization)],
    ...present.map(([file, objects]): [string, string] => [file, yamlOf(...objects)]),
  ]);
}
