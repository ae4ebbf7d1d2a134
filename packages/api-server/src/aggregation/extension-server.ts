import { request as httpsRequest } from 'node:https';
import type { APIServiceSpec } from '@keelson/api/apiregistration/v1';
import type { APIResourceList } from '@keelson/api/meta/v1';
import { KeelsonError } from '@keelson/base';
import { httpsTransport, type Transport } from '@keelson/client';
import type { KeyedCertificate } from '@keelson/pki';
import { forward, type Backend } from '../proxy/forward.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { UserInfo } from '../registry/strategy.ts';
import type { ApiRequest } from '../request/api-request.ts';
import type { ConnectResult } from '../response/api-result.ts';
import type { Services } from '../verbs/call.ts';
import { serviceAddress, type ServiceAddress } from '../webhooks/service-address.ts';
import { remoteDefinitions } from './remote-definitions.ts';
import { remoteUserHeaders } from './remote-user.ts';

export interface ExtensionServerDependencies {
  readonly services: Pick<Services, 'registry' | 'storages'>;
  /** Shown to extension servers, who believe what comes with it about the user. Asked each time. */
  readonly identity: () => KeyedCertificate | undefined;
}

/** An APIService that another server stands behind. */
export interface RemoteSpec extends Omit<APIServiceSpec, 'service'> {
  readonly group: string;
  readonly version: string;
  readonly service: { readonly namespace: string; readonly name: string; readonly port: number };
}

/** What an extension server says of itself. */
export interface RemoteDiscovery {
  readonly definitions: readonly ResourceDefinition[];
  /** Where its OpenAPI v3 document is; absent if it has none. */
  readonly openApi: string | undefined;
}

const AGGREGATOR: UserInfo = { name: 'system:kube-aggregator', groups: ['system:masters'] };
const DIAL_TIMEOUT_MS = 30_000;
const DISCOVERY_TIMEOUT_MS = 5_000;

/** Another API server, which is asked for one version of a group in the name of whoever asks this one. */
export class ExtensionServer {
  readonly spec: RemoteSpec;
  readonly #deps: ExtensionServerDependencies;

  constructor(spec: RemoteSpec, deps: ExtensionServerDependencies) {
    this.spec = spec;
    this.#deps = deps;
  }

  /** Where its kinds are. */
  get path(): string {
    return `/apis/${this.spec.group}/${this.spec.version}`;
  }

  /** `HOST:PORT` of one of its endpoints. Rejects if there is none. */
  address(): Promise<ServiceAddress> {
    return serviceAddress(this.#deps.services, this.spec.service);
  }

  /** The way to it for one request. */
  connect({ path, query, user }: ApiRequest): ConnectResult {
    return {
      type: 'connect',
      serve: async (exchange) => {
        const backend = this.#backend(await this.#reachable(), user);
        await forward({ backend, prefix: '', path: path + query.search, dialTimeoutMs: DIAL_TIMEOUT_MS }, exchange);
      },
      transport: async () => this.#transport(await this.#reachable(), user),
    };
  }

  /** Asks what it serves. Rejects if it does not say. */
  async discover(address: ServiceAddress, signal: AbortSignal): Promise<RemoteDiscovery> {
    const { group, version } = this.spec;
    const transport = this.#transport(address, AGGREGATOR, DISCOVERY_TIMEOUT_MS);
    try {
      const { body } = await transport.request({ method: 'GET', path: this.path, signal });
      const definitions = remoteDefinitions(group, version, body as Partial<APIResourceList>);
      const index = await transport.request({ method: 'GET', path: '/openapi/v3', signal }).catch(() => undefined);
      return { definitions, openApi: documentIn(index?.body, this.path.slice(1)) };
    } finally {
      await transport.close();
    }
  }

  async #reachable(): Promise<ServiceAddress> {
    return this.address().catch((cause: unknown) => {
      throw new KeelsonError('ServiceUnavailable', 'service unavailable', { cause });
    });
  }

  #backend({ host, port }: ServiceAddress, user: UserInfo): Backend {
    const { caBundle, serverName, insecureSkipTLSVerify } = this.#trust();
    const { certificate: cert, privateKey: key } = this.#deps.identity() ?? {};
    const tls = { servername: serverName, rejectUnauthorized: !insecureSkipTLSVerify, agent: false } as const;
    const certificates = { ...(caBundle !== undefined && { ca: caBundle }), ...(cert !== undefined && { cert, key }) };
    return {
      address: `${host}:${port}`,
      open: ({ headers, ...request }) =>
        httpsRequest({ ...request, host, port, ...tls, ...certificates, headers: { ...headers, ...remoteUserHeaders(user) } }),
    };
  }

  #transport({ host, port }: ServiceAddress, user: UserInfo, timeoutMs = 60_000): Transport {
    const { caBundle, serverName, insecureSkipTLSVerify: skipTlsVerify } = this.#trust();
    const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
    const trust = { serverName, skipTlsVerify, ...(caBundle !== undefined && { ca: caBundle }) };
    const config = { server, namespace: '', ...trust, ...this.#deps.identity() };
    return httpsTransport(config, { timeoutMs, headers: remoteUserHeaders(user), userAgent: 'kube-apiserver' });
  }

  /** Certificates name the service, since endpoints come and go. */
  #trust(): { readonly caBundle: string | undefined; readonly serverName: string; readonly insecureSkipTLSVerify: boolean } {
    const { caBundle = '', insecureSkipTLSVerify = false, service } = this.spec;
    const bundle = caBundle === '' ? undefined : Buffer.from(caBundle, 'base64').toString();
    return { caBundle: bundle, serverName: `${service.name}.${service.namespace}.svc`, insecureSkipTLSVerify };
  }
}

function documentIn(index: unknown, name: string): string | undefined {
  const { paths } = (typeof index === 'object' ? (index ?? {}) : {}) as {
    paths?: Record<string, { serverRelativeURL?: unknown }>;
  };
  const url = paths?.[name]?.serverRelativeURL;
  return typeof url === 'string' ? url : undefined;
}
