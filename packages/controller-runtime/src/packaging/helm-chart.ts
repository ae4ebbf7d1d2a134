import type { KubernetesObject } from '@keelson/api';
import { yamlOf, type Files } from './files.ts';
import { operatorObjects, POD_SECURITY, usualPlacement, type OperatorPackage } from './operator-package.ts';

/** Stands for a template's expression until the YAML is written, which would put it in quotes. */
const placeholder = (expression: string): string => `HELM(${expression})`;

/**
 * A Helm chart. Definitions are among the templates, so that upgrades reach them, and stay when the release goes, since all objects of their
 * kinds would go with them. Everything is named after the operator: one of them in a cluster.
 */
export function helmChart(operator: OperatorPackage): Files {
  const { rbac, deployment, service, webhooks } = operatorObjects(operator, {
    namespace: placeholder('.Release.Namespace | quote'),
    image: `${placeholder('.Values.image.repository')}:${placeholder('.Values.image.tag | default .Chart.AppVersion')}`,
    replicas: placeholder('.Values.replicas'),
    imagePullPolicy: placeholder('.Values.image.pullPolicy'),
    resources: placeholder('toJson .Values.resources'),
    pod: {
      securityContext: placeholder('toJson .Values.podSecurityContext'),
      nodeSelector: placeholder('toJson .Values.nodeSelector'),
      tolerations: placeholder('toJson .Values.tolerations'),
      affinity: placeholder('toJson .Values.affinity'),
      imagePullSecrets: placeholder('toJson .Values.imagePullSecrets'),
    },
  });
  const running = [...rbac, ...(service ? [service] : []), deployment, ...webhooks].map(managed);
  return new Map([
    ['Chart.yaml', yamlOf(chartOf(operator))],
    ['values.yaml', `${HEADER}${yamlOf(valuesOf(operator))}`],
    ['.helmignore', '.git/\n*.tgz\n'],
    ['templates/definitions.yaml', `{{- if .Values.definitions }}\n${templateOf(operator.definitions.map(kept))}{{- end }}\n`],
    ['templates/operator.yaml', templateOf(running)],
    ['templates/NOTES.txt', `${operator.name} {{ .Chart.AppVersion }} runs in namespace {{ .Release.Namespace }}.\n`],
  ]);
}

const HEADER = "# Written by the operator's own program; set values of your own in another file.\n";

function chartOf({ name, version, description = `The operator ${name}` }: OperatorPackage): object {
  return { apiVersion: 'v2', name, description, type: 'application', version, appVersion: version };
}

function valuesOf(operator: OperatorPackage): object {
  const { replicas, imagePullPolicy, resources } = usualPlacement(operator, '');
  return {
    image: { repository: operator.image, tag: '', pullPolicy: imagePullPolicy },
    imagePullSecrets: [],
    replicas,
    resources,
    podSecurityContext: POD_SECURITY,
    nodeSelector: {},
    tolerations: [],
    affinity: {},
    definitions: true,
  };
}

function kept(definition: KubernetesObject): KubernetesObject {
  const annotations = { ...definition.metadata?.annotations, 'helm.sh/resource-policy': 'keep' };
  return managed({ ...definition, metadata: { ...definition.metadata, annotations } });
}

function managed(object: KubernetesObject): KubernetesObject {
  const labels = {
    ...object.metadata?.labels,
    'app.kubernetes.io/instance': placeholder('.Release.Name | quote'),
    'app.kubernetes.io/managed-by': placeholder('.Release.Service | quote'),
  };
  return { ...object, metadata: { ...object.metadata, labels } };
}

/** What looks like a template in texts of the operator (descriptions, expressions) is text. */
function templateOf(objects: readonly KubernetesObject[]): string {
  return yamlOf(...objects)
    .replaceAll('{{', '{{ "{{" }}')
    .replaceAll(/HELM\(([^)]*)\)/g, '{{ $1 }}');
}
