import { apiVersionOf, nameOf, namespaceOf } from '@keelson/api';
import { Deployment } from '@keelson/api/apps/v1';
import { ConfigMap, Service } from '@keelson/api/core/v1';
import type { Desired } from '@keelson/controller-runtime';
import { conditions, customResource, rules, type ObjectOf } from '@keelson/crd';
import { z } from 'zod';

/** The custom resource: what authors of websites write, and what they are told. */
export const Website = customResource({
  group: 'sample.keelson.dev',
  kind: 'Website',
  shortNames: ['site'],
  spec: z.object({
    html: z.string().min(1).max(100_000).describe('What is served.'),
    replicas: z.int().min(0).max(100).default(1).describe('How many pods serve it.'),
    host: rules(z.string().max(253).describe('The name under which it is known. No two websites of a namespace have the same.'), {
      rule: 'self == oldSelf',
      message: 'a website keeps its host',
    }).optional(),
  }),
  status: z.object({
    observedGeneration: z.int().optional(),
    availableReplicas: z.int().optional(),
    conditions: conditions().optional(),
  }),
  columns: [
    { name: 'Host', type: 'string', jsonPath: '.spec.host' },
    { name: 'Ready', type: 'string', jsonPath: ".status.conditions[?(@.type=='Ready')].status" },
    { name: 'Available', type: 'integer', jsonPath: '.status.availableReplicas' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.availableReplicas' },
});
export type Website = ObjectOf<typeof Website>;

export const IMAGE = 'nginx:1.29';

/** What a website consists of. Only the fields that the operator has an opinion on: others may be set by others. */
export function partsOf(site: Website, replicas = site.spec.replicas): readonly Desired[] {
  return [
    { kind: ConfigMap, object: configMapOf(site) },
    { kind: Deployment, object: deploymentOf(site, replicas) },
    { kind: Service, object: serviceOf(site) },
  ];
}

function labelsOf(site: Website): Record<string, string> {
  return { 'app.kubernetes.io/name': nameOf(site), 'app.kubernetes.io/managed-by': 'operator-sample' };
}

function metadataOf(site: Website) {
  return { name: nameOf(site), namespace: namespaceOf(site), labels: labelsOf(site) };
}

function configMapOf(site: Website): ConfigMap {
  return {
    apiVersion: apiVersionOf(ConfigMap),
    kind: 'ConfigMap',
    metadata: metadataOf(site),
    data: { 'index.html': site.spec.html },
  };
}

function deploymentOf(site: Website, replicas: number): Deployment {
  const labels = labelsOf(site);
  const container = {
    name: 'nginx',
    image: IMAGE,
    ports: [{ name: 'http', containerPort: 80, protocol: 'TCP' as const }],
    volumeMounts: [{ name: 'html', mountPath: '/usr/share/nginx/html', readOnly: true }],
  };
  return {
    apiVersion: apiVersionOf(Deployment),
    kind: 'Deployment',
    metadata: metadataOf(site),
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [container], volumes: [{ name: 'html', configMap: { name: nameOf(site) } }] },
      },
    },
  };
}

function serviceOf(site: Website): Service {
  const ports = [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' as const }];
  return {
    apiVersion: apiVersionOf(Service),
    kind: 'Service',
    metadata: metadataOf(site),
    spec: { selector: labelsOf(site), ports },
  };
}
