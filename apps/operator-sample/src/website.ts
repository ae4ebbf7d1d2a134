import { apiVersionOf, controllerReference, nameOf, namespaceOf } from '@keelson/api';
import { Deployment } from '@keelson/api/apps/v1';
import { ConfigMap, Service } from '@keelson/api/core/v1';

/** ConfigMaps with it are websites, if it is `true`. */
export const WEBSITE_LABEL = 'sample.keelson.dev/website';
export const WEBSITES = `${WEBSITE_LABEL}=true`;
/** Where the operator writes how a website is doing. */
export const STATUS_ANNOTATION = 'sample.keelson.dev/status';
/** Keeps a website until what was made for it is gone. */
export const FINALIZER = 'sample.keelson.dev/cleanup';
export const IMAGE = 'nginx:1.29';

const MOST_REPLICAS = 100;

export function isWebsite({ metadata }: ConfigMap): boolean {
  return metadata?.labels?.[WEBSITE_LABEL] === 'true';
}

/** What is wrong with a website, in words for its author; `undefined` if nothing is. */
export function mistakeIn({ data = {} }: ConfigMap): string | undefined {
  if (data['html'] === undefined) return 'data.html is missing';
  const replicas = Number(data['replicas'] ?? 1);
  const isCount = Number.isInteger(replicas) && replicas >= 0 && replicas <= MOST_REPLICAS;
  return isCount ? undefined : `data.replicas is "${data['replicas']}", not a whole number from 0 to ${MOST_REPLICAS}`;
}

export function replicasOf({ data = {} }: ConfigMap): number {
  return Number(data['replicas'] ?? 1);
}

function metadataOf(site: ConfigMap) {
  const labels = labelsOf(site);
  return { name: nameOf(site), namespace: namespaceOf(site), labels, ownerReferences: [controllerReference(site, ConfigMap)] };
}

function labelsOf(site: ConfigMap): Record<string, string> {
  return { 'app.kubernetes.io/name': nameOf(site), 'app.kubernetes.io/managed-by': 'operator-sample' };
}

/** nginx that serves `data.html`. Only the fields that the operator has an opinion on: others may be set by others. */
export function deploymentOf(site: ConfigMap): Deployment {
  const labels = labelsOf(site);
  const html = { name: 'html', configMap: { name: nameOf(site), items: [{ key: 'html', path: 'index.html' }] } };
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
      replicas: replicasOf(site),
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container], volumes: [html] } },
    },
  };
}

export function serviceOf(site: ConfigMap): Service {
  const ports = [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' as const }];
  const spec = { selector: labelsOf(site), ports };
  return { apiVersion: apiVersionOf(Service), kind: 'Service', metadata: metadataOf(site), spec };
}
