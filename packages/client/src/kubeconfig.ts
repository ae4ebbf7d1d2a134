import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { errorMessage, KeelsonError } from '@keelson/base';
import { parse, stringify } from 'yaml';

/** Where an API server is and how to be let in. PEM and tokens as text. */
export interface ClusterConfig {
  /** `https://host:port`, maybe with a path. */
  readonly server: string;
  readonly namespace: string;
  readonly ca?: string;
  readonly certificate?: string;
  readonly privateKey?: string;
  /** Asked for each request, so that tokens in files and of plugins can change. */
  readonly token?: () => Promise<string>;
  readonly serverName?: string;
  readonly skipTlsVerify?: boolean;
}

interface Named<K extends string, T> {
  readonly name: string;
  readonly body: Readonly<Record<K, T>>;
}
type Values = Readonly<Record<string, unknown>>;

const EXEC_TIMEOUT_MS = 30_000;
const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Reads a kubeconfig file. `BadRequest` with the place of the mistake if it is malformed or names what is not there. */
export function loadKubeconfig(file: string, context?: string): ClusterConfig {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new KeelsonError('BadRequest', `Cannot read kubeconfig "${file}": ${errorMessage(cause)}`, { cause });
  }
  return parseKubeconfig(text, { directory: dirname(file), ...(context !== undefined && { context }) });
}

/** As `loadKubeconfig`, from text; relative paths in it start at `directory`. */
export function parseKubeconfig(
  text: string,
  options: { readonly directory?: string; readonly context?: string } = {},
): ClusterConfig {
  const config = parsed(text);
  const contextName = options.context ?? textOf(config, 'current-context') ?? '';
  const context = entry(config, { list: 'contexts', body: 'context', name: contextName });
  const cluster = entry(config, { list: 'clusters', body: 'cluster', name: textOf(context, 'cluster') ?? '' });
  const userName = textOf(context, 'user');
  const user = userName === undefined ? {} : entry(config, { list: 'users', body: 'user', name: userName });
  const server = textOf(cluster, 'server');
  if (server === undefined)
    throw new KeelsonError('BadRequest', `Kubeconfig: the cluster of context "${contextName}" has no server`);
  const data = (values: Values, key: string): string | undefined => dataOrFile(values, key, options.directory ?? '.');
  return {
    server,
    namespace: textOf(context, 'namespace') ?? 'default',
    ...defined('ca', data(cluster, 'certificate-authority')),
    ...defined('certificate', data(user, 'client-certificate')),
    ...defined('privateKey', data(user, 'client-key')),
    ...defined('token', tokenOf(user)),
    ...defined('serverName', textOf(cluster, 'tls-server-name')),
    ...(cluster['insecure-skip-tls-verify'] === true && { skipTlsVerify: true }),
  };
}

/** The configuration of a pod: its service account's token and the `kubernetes` Service. */
export function inClusterConfig(env: NodeJS.ProcessEnv = process.env, directory: string = SERVICE_ACCOUNT_DIR): ClusterConfig {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (!host || !port || !existsSync(join(directory, 'token'))) {
    throw new KeelsonError(
      'ServiceUnavailable',
      'Not in a cluster: there is no service account token, or no KUBERNETES_SERVICE_HOST',
    );
  }
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    namespace: readFileSync(join(directory, 'namespace'), 'utf8').trim(),
    ca: readFileSync(join(directory, 'ca.crt'), 'utf8'),
    token: async () => readFileSync(join(directory, 'token'), 'utf8').trim(),
  };
}

/** What kubectl would use: the file that `KUBECONFIG` names, `~/.kube/config`, or the pod's own configuration. */
export function defaultConfig(env: NodeJS.ProcessEnv = process.env): ClusterConfig {
  const file = env['KUBECONFIG'] || join(homedir(), '.kube', 'config');
  return existsSync(file) ? loadKubeconfig(file) : inClusterConfig(env);
}

/** The text of a kubeconfig with one cluster, user and context of the same name. */
export function kubeconfigOf(
  name: string,
  config: {
    readonly server: string;
    readonly ca: string;
    readonly certificate?: string;
    readonly privateKey?: string;
    readonly token?: string;
  },
): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const user = {
    ...(config.certificate !== undefined && { 'client-certificate-data': base64(config.certificate) }),
    ...(config.privateKey !== undefined && { 'client-key-data': base64(config.privateKey) }),
    ...(config.token !== undefined && { token: config.token }),
  };
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: config.server, 'certificate-authority-data': base64(config.ca) } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  });
}

function parsed(text: string): Values {
  try {
    const config: unknown = parse(text);
    if (isValues(config)) return config;
  } catch (cause) {
    throw new KeelsonError('BadRequest', `Kubeconfig is not valid YAML: ${errorMessage(cause)}`, { cause });
  }
  throw new KeelsonError('BadRequest', 'Kubeconfig is no object');
}

function isValues(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(values: Values, key: string): string | undefined {
  const value = values[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function entry(
  config: Values,
  { list, body, name }: { readonly list: string; readonly body: string; readonly name: string },
): Values {
  const entries = config[list];
  const found = Array.isArray(entries)
    ? entries.find((each: unknown): each is Named<string, unknown> => isValues(each) && each['name'] === name)
    : undefined;
  const values: unknown = found && (found as unknown as Values)[body];
  if (isValues(values)) return values;
  throw new KeelsonError('BadRequest', `Kubeconfig: there is no "${name}" in ${list}`);
}

function dataOrFile(values: Values, key: string, directory: string): string | undefined {
  const data = textOf(values, `${key}-data`);
  if (data !== undefined) return Buffer.from(data, 'base64').toString();
  const file = textOf(values, key);
  if (file === undefined) return undefined;
  try {
    return readFileSync(resolve(directory, file), 'utf8');
  } catch (cause) {
    throw new KeelsonError('BadRequest', `Kubeconfig: cannot read ${key} "${file}"`, { cause });
  }
}

function tokenOf(user: Values): (() => Promise<string>) | undefined {
  const [token, file] = [textOf(user, 'token'), textOf(user, 'tokenFile')];
  if (file !== undefined) return async () => readFileSync(file, 'utf8').trim();
  if (token !== undefined) return async () => token;
  const exec = user['exec'];
  return isValues(exec) ? execToken(exec) : undefined;
}

/** A credential plugin (client.authentication.k8s.io): a program that prints an ExecCredential. Its token is kept until it runs out. */
function execToken(exec: Values): () => Promise<string> {
  let known: { readonly token: string; readonly untilMs: number } | undefined;
  return async () => {
    if (known && known.untilMs > Date.now()) return known.token;
    const command = textOf(exec, 'command') ?? '';
    const args = Array.isArray(exec['args']) ? exec['args'].map(String) : [];
    const info = JSON.stringify({ apiVersion: exec['apiVersion'], kind: 'ExecCredential', spec: { interactive: false } });
    const env = { ...process.env, ...execEnv(exec), KUBERNETES_EXEC_INFO: info };
    const { stdout } = await promisify(execFile)(command, args, { timeout: EXEC_TIMEOUT_MS, env });
    const { status } = JSON.parse(stdout) as { status?: { token?: string; expirationTimestamp?: string } };
    if (!status?.token) throw new KeelsonError('Unauthorized', `Credential plugin "${command}" gave no token`);
    known = {
      token: status.token,
      untilMs: status.expirationTimestamp ? Date.parse(status.expirationTimestamp) : Number.POSITIVE_INFINITY,
    };
    return known.token;
  };
}

function execEnv(exec: Values): Record<string, string> {
  const pairs = Array.isArray(exec['env']) ? exec['env'].filter(isValues) : [];
  return Object.fromEntries(pairs.map((pair) => [String(pair['name']), String(pair['value'])]));
}

function defined<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}
