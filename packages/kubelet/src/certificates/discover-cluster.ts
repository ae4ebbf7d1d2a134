import { parseBootstrapToken } from '@keelson/api';
import { ConfigMap } from '@keelson/api/core/v1';
import { Backoff, errorMessage, isReason, KeelsonError, type Clock, type Logger } from '@keelson/base';
import { createClient, httpsTransport, parseKubeconfig, type ClusterConfig, type Transport } from '@keelson/client';
import { certificatesIn, publicKeyPin } from '@keelson/pki';
import { flattenedVerify } from 'jose';

export interface DiscoverDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How an API server is reached. Default: HTTPS. */
  readonly connect?: (config: ClusterConfig) => Transport;
}

export interface DiscoverOptions {
  /** `https://HOST:PORT` of API servers; one that answers is enough. */
  readonly servers: readonly string[];
  /** A bootstrap token, `ID.SECRET`. */
  readonly token: string;
  /** `sha256:HEX` of public keys of authorities, one of which the cluster's has to be. Without any, who knows the token's secret is believed. */
  readonly pins: readonly string[];
}

const CLUSTER_INFO = { name: 'cluster-info', namespace: 'kube-public' };
const RETRY = { initialMs: 500, maxMs: 5_000, jitter: 0.1 };
/** A token that was just made is signed with soon; for longer, nobody waits. */
const MAX_UNSIGNED = 8;

/**
 * Finds out whom to trust as a cluster, having nothing but a token and maybe hashes of keys, as `kubeadm join` does: reads what the cluster tells anybody of
 * itself, from whoever answers; believes it if it is signed by the token and its authority has one of the keys; and reads it again from a server that this
 * authority vouches for. Resolves to the authority, PEM.
 *
 * Tries on and on while no server can be reached, until `signal` aborts; if for a `Timeout`, what was in the way last is told with it. Rejects with `Unauthorized` if the token is not one of the cluster, with
 * `Forbidden` if the cluster is not the one that was meant, and with `BadRequest` if what was asked for makes no sense.
 */
export async function discoverCluster(
  deps: DiscoverDependencies,
  options: DiscoverOptions,
  signal: AbortSignal,
): Promise<string> {
  const { clock, logger } = deps;
  const token = parseBootstrapToken(options.token);
  if (!token) throw new KeelsonError('BadRequest', 'The bootstrap token is not of the form [a-z0-9]{6}.[a-z0-9]{16}');
  const backoff = new Backoff(RETRY);
  const attempt = { ...deps, ...options, ...token };
  let last: KeelsonError | undefined;
  try {
    for (let unsigned = 0; ;) {
      const found = await firstOf(attempt, signal);
      if (typeof found === 'string') return found;
      last = found;
      if (isReason(last, 'NotFound') && (unsigned += 1) >= MAX_UNSIGNED) throw unknownToken(token.id, last);
      logger.warn('the cluster cannot be joined yet', { error: last.message });
      await clock.sleep(backoff.next(), signal);
    }
  } catch (error) {
    if (!last || error !== signal.reason || !isReason(error, 'Timeout')) throw error;
    throw new KeelsonError('Timeout', `${error.message}: ${last.message}`, { cause: last });
  }
}

interface Attempt extends DiscoverDependencies, DiscoverOptions {
  readonly id: string;
  readonly secret: string;
}

/** The authority; or why no server has told it yet: `NotFound` if one has answered. */
async function firstOf(attempt: Attempt, signal: AbortSignal): Promise<string | KeelsonError> {
  let failure = new KeelsonError('BadRequest', 'There is no server to ask');
  for (const server of attempt.servers) {
    try {
      return await authorityOf(server, attempt, signal);
    } catch (error) {
      if (signal.aborted || !(error instanceof KeelsonError) || !isReason(error, 'ServiceUnavailable', 'Timeout', 'NotFound'))
        throw error;
      if (!isReason(failure, 'NotFound')) failure = error;
    }
  }
  return failure;
}

async function authorityOf(server: string, attempt: Attempt, signal: AbortSignal): Promise<string> {
  const shown = await read({ server, namespace: 'default', skipTlsVerify: true }, attempt, signal);
  const kubeconfig = await verified(server, shown, attempt);
  const { ca = '' } = parseKubeconfig(kubeconfig);
  mustBePinned(server, ca, attempt.pins);
  const again = await read({ server, namespace: 'default', ca }, attempt, signal).catch((cause: unknown) => {
    if (!isDistrust(cause)) throw cause;
    const why = `the authority in its cluster-info does not vouch for it under this address: ${errorMessage(cause)}`;
    throw new KeelsonError('Forbidden', `Cannot trust ${server}: ${why}`, { cause });
  });
  if (again.data?.['kubeconfig'] === kubeconfig) return ca;
  throw new KeelsonError(
    'Forbidden',
    `Cannot trust ${server}: it tells something else of itself over a connection that is secure`,
  );
}

async function read(config: ClusterConfig, { connect = httpsTransport }: Attempt, signal: AbortSignal): Promise<ConfigMap> {
  const transport = connect(config);
  try {
    return await createClient(transport).resource(ConfigMap).get(CLUSTER_INFO, { signal });
  } catch (error) {
    if (isReason(error, 'Forbidden', 'Unauthorized')) {
      throw new KeelsonError('Forbidden', `${config.server} does not let anybody read its cluster-info: ${error.message}`);
    }
    if (!isReason(error, 'NotFound')) throw error;
    throw new KeelsonError('ServiceUnavailable', `${config.server} has no ConfigMap "kube-public/cluster-info" yet`, {
      cause: error,
    });
  } finally {
    await transport.close();
  }
}

/** The kubeconfig, if who has signed it knows the token. */
async function verified(server: string, { data = {} }: ConfigMap, { id, secret }: Attempt): Promise<string> {
  const { kubeconfig } = data;
  const signature = data[`jws-kubeconfig-${id}`];
  if (kubeconfig === undefined || signature === undefined) {
    throw new KeelsonError('NotFound', `The cluster-info of ${server} is not signed by token "${id}"`);
  }
  const [header = '', , sum = ''] = signature.split('.');
  const payload = Buffer.from(kubeconfig).toString('base64url');
  try {
    await flattenedVerify({ protected: header, payload, signature: sum }, Buffer.from(secret), { algorithms: ['HS256'] });
    return kubeconfig;
  } catch (cause) {
    const why = 'either this is not the secret of the token, or this is not the cluster that the token is of';
    throw new KeelsonError('Unauthorized', `The cluster-info of ${server} is signed by another token "${id}": ${why}`, { cause });
  }
}

function mustBePinned(server: string, ca: string, pins: readonly string[]): void {
  const found = certificatesIn(ca).map(publicKeyPin);
  if (found.length === 0) throw new KeelsonError('Forbidden', `Cannot trust ${server}: its cluster-info names no authority`);
  if (pins.length === 0 || found.some((pin) => pins.includes(pin.toLowerCase()))) return;
  const given = pins.join(', ');
  throw new KeelsonError('Forbidden', `Cannot trust ${server}: its authority is ${found.join(', ')}, not ${given}`);
}

/** What OpenSSL and Node say of certificates that they do not believe. */
function isDistrust(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return /^(ERR_TLS|UNABLE_TO|CERT_|SELF_SIGNED|DEPTH_ZERO|INVALID_|HOSTNAME_)/.test(code);
}

function unknownToken(id: string, cause: KeelsonError): KeelsonError {
  const why = 'there is no such token, it has expired, or it is not for signing';
  return new KeelsonError('Unauthorized', `${cause.message}: ${why}. Make one with: keelson token create`, { cause });
}
