import type { Service } from '@keelson/api/core/v1';

/** The service whose variables each container gets, even without service links. */
const MASTER = { namespace: 'default', name: 'kubernetes' };

export interface ServiceEnvInput {
  readonly namespace: string;
  readonly enableServiceLinks: boolean;
}

/**
 * The variables that tell a container of the services that exist when it starts: those of the pod's own namespace, and the API server's.
 * In the order of the services' names; the pod's namespace wins over the API server's.
 */
export function serviceEnv(
  services: readonly Service[],
  { namespace, enableServiceLinks }: ServiceEnvInput,
): Map<string, string> {
  const wanted = new Map<string, Service>();
  for (const service of services) {
    const { namespace: home, name = '' } = service.metadata ?? {};
    if (!hasClusterIp(service)) continue;
    if (home === MASTER.namespace && name === MASTER.name && !wanted.has(name)) wanted.set(name, service);
    if (home === namespace && enableServiceLinks) wanted.set(name, service);
  }
  const env = new Map<string, string>();
  for (const [, service] of [...wanted].sort(([a], [b]) => (a < b ? -1 : 1))) addService(env, service);
  return env;
}

function hasClusterIp({ spec }: Service): boolean {
  return spec?.clusterIP !== undefined && spec.clusterIP !== '' && spec.clusterIP !== 'None';
}

function addService(env: Map<string, string>, { metadata, spec }: Service): void {
  const prefix = envName(metadata?.name ?? '');
  const host = spec?.clusterIP ?? '';
  const ports = spec?.ports ?? [];
  env.set(`${prefix}_SERVICE_HOST`, host);
  const [first] = ports;
  if (!first) return;
  env.set(`${prefix}_SERVICE_PORT`, String(first.port));
  for (const { name, port } of ports) if (name) env.set(`${prefix}_SERVICE_PORT_${envName(name)}`, String(port));
  ports.forEach(({ port, protocol = 'TCP' }, at) => {
    const lower = protocol.toLowerCase();
    const url = `${lower}://${host.includes(':') ? `[${host}]` : host}:${port}`;
    if (at === 0) env.set(`${prefix}_PORT`, url);
    const link = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
    env.set(link, url);
    env.set(`${link}_PROTO`, lower);
    env.set(`${link}_PORT`, String(port));
    env.set(`${link}_ADDR`, host);
  });
}

function envName(name: string): string {
  return name.toUpperCase().replaceAll('-', '_');
}
