import type { KubernetesObject } from '@keelson/api';
import type { AdmissionRequest } from '../admission/admission.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { ApiRequest } from '../request/api-request.ts';
import type { Query } from '../request/query.ts';
import type { RequestInfo } from '../request/request-info.ts';
import type { Services } from '../verbs/call.ts';

/** What a connection is opened with, by its subresource. What only reads, such as `log`, is no connection. */
const OPTIONS: Readonly<Record<string, (query: Query, info: RequestInfo) => KubernetesObject & Record<string, unknown>>> = {
  'pods/exec': (query) => ({ ...options('PodExecOptions'), ...streams(query), command: query.all('command') }),
  'pods/attach': (query) => ({ ...options('PodAttachOptions'), ...streams(query) }),
  'pods/portforward': (query) => ({ ...options('PodPortForwardOptions'), ports: query.all('ports').map(Number) }),
  'pods/proxy': (_query, info) => ({ ...options('PodProxyOptions'), path: pathOf(info) }),
  'services/proxy': (_query, info) => ({ ...options('ServiceProxyOptions'), path: pathOf(info) }),
  'nodes/proxy': (_query, info) => ({ ...options('NodeProxyOptions'), path: pathOf(info) }),
};

function options(kind: string): KubernetesObject {
  return { kind, apiVersion: 'v1' };
}

function streams(query: Query): Record<string, unknown> {
  const container = query.get('container');
  const asked = ['stdin', 'stdout', 'stderr', 'tty'].filter((name) => query.flag(name)).map((name) => [name, true] as const);
  return { ...Object.fromEntries(asked), ...(container !== undefined && { container }) };
}

function pathOf({ rest }: RequestInfo): string {
  return rest;
}

interface Connection {
  readonly request: ApiRequest;
  readonly info: RequestInfo;
  readonly definition: ResourceDefinition;
  readonly warn: (text: string) => void;
}

/** Lets plugins, policies and webhooks judge a connection before it is opened. They cannot change what it is opened with. */
export async function admitConnection({ validators }: Services, { request, info, definition, warn }: Connection): Promise<void> {
  const { group, version, resource } = definition;
  const subresource = info.subresource ?? '';
  const made = OPTIONS[`${resource}/${subresource}`]?.(request.query, info);
  if (!made || validators.length === 0) return;
  const admission: AdmissionRequest = {
    operation: 'CONNECT',
    resource: { group, version, resource },
    kind: made.kind ?? '',
    subresource,
    name: info.name ?? '',
    namespace: info.namespace ?? '',
    object: made,
    oldObject: undefined,
    options: undefined,
    userInfo: request.user,
    dryRun: false,
    warn,
  };
  for (const validator of validators) await validator.validate(admission);
}
