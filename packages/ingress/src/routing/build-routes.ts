import type { Ingress, IngressBackend } from '@keelson/api/networking/v1';
import { RoutingTable, type Route } from './routing-table.ts';

/** `"true"`: who comes without TLS to a host that has a certificate is sent there with it. */
export const REDIRECT_ANNOTATION = 'ingress.keelson.dev/ssl-redirect';

/** A port of a Service, by number or name. */
export interface BackendRef {
  readonly key: string;
  readonly namespace: string;
  readonly service: string;
  readonly port: number | string;
}

/** Names for which a Secret has the certificate; `*.NAME` too. */
export interface TlsEntry {
  readonly hosts: readonly string[];
  readonly namespace: string;
  readonly secretName: string;
}

export interface Routes {
  readonly table: RoutingTable;
  readonly backends: ReadonlyMap<string, BackendRef>;
  readonly tls: readonly TlsEntry[];
}

/** Everything that Ingresses ask for. Of two that ask for the same path the older one gets it. */
export function buildRoutes(ingresses: readonly Ingress[]): Routes {
  const table = new RoutingTable();
  const backends = new Map<string, BackendRef>();
  const tls: TlsEntry[] = [];
  for (const ingress of ingresses.toSorted(byAge)) {
    for (const ref of backendsOf(ingress)) backends.set(ref.key, ref);
    addRules(table, ingress);
    tls.push(...tlsOf(ingress));
  }
  addDefaults(table, ingresses);
  return { table, backends, tls };
}

/** Each once. */
export function backendsOf(ingress: Ingress): readonly BackendRef[] {
  const namespace = ingress.metadata?.namespace ?? '';
  const { defaultBackend, rules = [] } = ingress.spec ?? {};
  const paths = rules.flatMap(({ http }) => http?.paths ?? []);
  const refs = [defaultBackend, ...paths.map(({ backend }) => backend)].flatMap((backend) => refOf(namespace, backend) ?? []);
  return [...new Map(refs.map((ref) => [ref.key, ref])).values()];
}

/** Entries without hosts are for those of the rules. */
export function tlsOf(ingress: Ingress): readonly TlsEntry[] {
  const namespace = ingress.metadata?.namespace ?? '';
  const ruleHosts = (ingress.spec?.rules ?? []).flatMap(({ host }) => (host ? [host] : []));
  return (ingress.spec?.tls ?? []).flatMap(({ hosts, secretName }) =>
    secretName ? [{ hosts: (hosts?.length ? hosts : ruleHosts).map((host) => host.toLowerCase()), namespace, secretName }] : [],
  );
}

function addRules(table: RoutingTable, ingress: Ingress): void {
  const { namespace = '' } = ingress.metadata ?? {};
  const { rules = [], defaultBackend } = ingress.spec ?? {};
  for (const { host = '', http } of rules) {
    const name = host.toLowerCase();
    for (const { path = '/', pathType, backend } of http?.paths ?? []) {
      // What is left to implementations is a prefix here.
      const type = pathType === 'Exact' ? 'Exact' : 'Prefix';
      table.addPath(name, type, route(ingress, { path, backend: refOf(namespace, backend), host: name }));
    }
    if (defaultBackend) {
      table.addHostFallback(name, route(ingress, { path: '', backend: refOf(namespace, defaultBackend), host: name }));
    }
  }
}

/** Ingresses that are nothing but a default go before others. */
function addDefaults(table: RoutingTable, ingresses: readonly Ingress[]): void {
  const hasRules = ({ spec }: Ingress): number => (spec?.rules?.length ? 1 : 0);
  for (const ingress of ingresses.toSorted((a, b) => hasRules(a) - hasRules(b) || byAge(a, b))) {
    const { defaultBackend } = ingress.spec ?? {};
    if (!defaultBackend) continue;
    const backend = refOf(ingress.metadata?.namespace ?? '', defaultBackend);
    table.addFallback(route(ingress, { path: '', backend, host: '' }));
  }
}

function route(
  ingress: Ingress,
  { path, backend, host }: { readonly path: string; readonly backend: BackendRef | undefined; readonly host: string },
): Route {
  const { namespace = '', name = '', annotations } = ingress.metadata ?? {};
  const wantsTls = annotations?.[REDIRECT_ANNOTATION] === 'true';
  const redirectsToHttps = wantsTls && (ingress.spec?.tls ?? []).some(({ hosts }) => !hosts?.length || hosts.includes(host));
  return { namespace, ingress: name, path, backend: backend?.key, redirectsToHttps };
}

function refOf(namespace: string, backend: IngressBackend | undefined): BackendRef | undefined {
  const service = backend?.service?.name;
  const port = backend?.service?.port?.name || backend?.service?.port?.number;
  if (!service || !port) return undefined;
  return { key: `${namespace}/${service}:${port}`, namespace, service, port };
}

function byAge(a: Ingress, b: Ingress): number {
  const key = ({ metadata }: Ingress): string =>
    `${metadata?.creationTimestamp ?? ''} ${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
  return key(a) < key(b) ? -1 : 1;
}
