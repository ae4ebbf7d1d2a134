import { join } from 'node:path';
import type { NodeAddress } from '@keelson/api/core/v1';
import type { Clock, Logger, Runnable } from '@keelson/base';
import { createClient, httpsTransport, type Client, type ClusterConfig, type Transport } from '@keelson/client';
import type { Subscription } from 'rxjs';
import { CertificateManager } from './certificate-manager.ts';
import type { WantedCertificate } from './issue.ts';
import { RotatingTransport } from './rotating-transport.ts';

export interface NodeCredentialsDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How an API server is reached. Default: HTTPS. */
  readonly connect?: (config: ClusterConfig) => Transport;
}

export interface NodeCredentialsOptions {
  readonly nodeName: string;
  /** Where certificates are kept. */
  readonly directory: string;
  /** Where the API server is, and the bootstrap token by which the node asks for its first certificate. */
  readonly bootstrap: ClusterConfig;
  /** What the certificate of the kubelet's own API is for. */
  readonly addresses: readonly NodeAddress[];
  /** How long certificates shall hold. The signer's default if absent. */
  readonly expirationSeconds?: number;
  /** As `CertificateManagerOptions` has it. */
  readonly random?: () => number;
}

/**
 * How a node that has nothing but a bootstrap token becomes known: it asks for a client certificate and, known by that, for the certificate of its own
 * API. Both are kept in files, and replaced when 70 to 90 % of their time is over. The serving one has to be approved by somebody.
 */
export class NodeCredentials implements Runnable {
  readonly name = 'node credentials';
  /** Acts as the node. `ServiceUnavailable` until there is a certificate. */
  readonly client: Client;
  readonly clientCertificate: CertificateManager;
  readonly servingCertificate: CertificateManager;
  readonly #deps: NodeCredentialsDependencies;
  readonly #options: NodeCredentialsOptions;
  readonly #transport = new RotatingTransport();
  readonly #bootstrap: Transport;
  #subscription: Subscription | undefined;

  constructor(deps: NodeCredentialsDependencies, options: NodeCredentialsOptions) {
    const { connect = httpsTransport, ...common } = deps;
    this.#deps = deps;
    this.#options = options;
    this.#bootstrap = connect(options.bootstrap);
    this.client = createClient(this.#transport);
    const first = createClient(this.#bootstrap);
    // Known by a certificate that holds, a node asks for the next one itself.
    const asker = (): Client => (this.#isKnown() ? this.client : first);
    this.clientCertificate = this.#manager({ ...common, client: asker }, 'kubelet-client', clientWanted(options));
    this.servingCertificate = this.#manager({ ...common, client: () => this.client }, 'kubelet-server', servingWanted(options));
  }

  /** Resolves when the node has a client certificate; that of its API may come later. */
  async start(signal: AbortSignal): Promise<void> {
    const { connect = httpsTransport } = this.#deps;
    const { server, namespace, ca, serverName } = this.#options.bootstrap;
    const where = { server, namespace, ...(ca !== undefined && { ca }), ...(serverName !== undefined && { serverName }) };
    await this.clientCertificate.start(signal);
    this.#subscription = this.clientCertificate.certificates$.subscribe(({ certificate, privateKey }) => {
      // Closing the old one cannot fail in a way that matters.
      this.#transport.use(connect({ ...where, certificate, privateKey })).catch(() => undefined);
    });
    await this.clientCertificate.ready(signal);
    await this.servingCertificate.start(signal);
  }

  async stop(): Promise<void> {
    this.#subscription?.unsubscribe();
    await Promise.all([this.clientCertificate.stop(), this.servingCertificate.stop()]);
    await Promise.all([this.#transport.close(), this.#bootstrap.close()]);
  }

  #isKnown(): boolean {
    const { current } = this.clientCertificate;
    return current !== undefined && current.notAfterMs > this.#deps.clock.now();
  }

  #manager(
    deps: ConstructorParameters<typeof CertificateManager>[0],
    name: string,
    wanted: WantedCertificate,
  ): CertificateManager {
    const { directory, random } = this.#options;
    const file = join(directory, `${name}-current.pem`);
    return new CertificateManager(deps, { name, file, wanted, ...(random && { random }) });
  }
}

function clientWanted(options: NodeCredentialsOptions): WantedCertificate {
  const signerName = 'kubernetes.io/kube-apiserver-client-kubelet';
  return { names: subjectOf(options), signerName, usages: ['digital signature', 'client auth'], ...lifeOf(options) };
}

function servingWanted(options: NodeCredentialsOptions): WantedCertificate {
  const isIp = ({ type }: NodeAddress): boolean => type.endsWith('IP');
  const names = {
    ...subjectOf(options),
    dnsNames: options.addresses.filter((each) => !isIp(each)).map(({ address }) => address),
    ipAddresses: options.addresses.filter(isIp).map(({ address }) => address),
  };
  const signerName = 'kubernetes.io/kubelet-serving';
  return { names, signerName, usages: ['digital signature', 'server auth'], ...lifeOf(options) };
}

function subjectOf({ nodeName }: NodeCredentialsOptions): { commonName: string; organizations: readonly string[] } {
  return { commonName: `system:node:${nodeName}`, organizations: ['system:nodes'] };
}

function lifeOf({ expirationSeconds }: NodeCredentialsOptions): { expirationSeconds?: number } {
  return expirationSeconds === undefined ? {} : { expirationSeconds };
}
