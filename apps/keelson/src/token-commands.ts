import { randomInt } from 'node:crypto';
import {
  BOOTSTRAP_TOKEN_TYPE,
  bootstrapTokenName,
  bootstrapTokenOf,
  formatTime,
  parseBootstrapToken,
  parseGoDuration,
} from '@keelson/api';
import { ConfigMap, Secret } from '@keelson/api/core/v1';
import { isReason, KeelsonError, SystemClock } from '@keelson/base';
import { parseKubeconfig, type Client } from '@keelson/client';
import { publicKeyPin } from '@keelson/pki';
import { withCluster } from './connection.ts';

export interface TokenFlags {
  /** Default: as kubectl finds it. */
  readonly kubeconfig?: string;
}

export interface CreateTokenFlags extends TokenFlags {
  /** A Go duration; `0` for a token that does not run out. */
  readonly ttl: string;
  readonly usages: readonly string[];
  readonly groups: readonly string[];
  readonly description?: string;
  /** Instead of the token, what is to be run on the machine that joins. */
  readonly printJoinCommand?: boolean;
}

const clock = new SystemClock();
const NAMESPACE = 'kube-system';
const CLUSTER_INFO = { name: 'cluster-info', namespace: 'kube-public' };
const CHARACTERS = '0123456789abcdefghijklmnopqrstuvwxyz';

/** Makes a bootstrap token, and gives it, or the command that joins by it, for printing. */
export async function createToken(token: string | undefined, flags: CreateTokenFlags): Promise<string> {
  const { id, secret } = token === undefined ? newToken() : tokenIn(token);
  const ttlMs = ttlOf(flags.ttl);
  return withCluster(flags.kubeconfig, async (client) => {
    // Before there is a token, so that none is left of a command that fails.
    const command = flags.printJoinCommand ? await joinCommand(client) : undefined;
    const stringData = {
      'token-id': id,
      'token-secret': secret,
      ...(ttlMs > 0 && { expiration: formatTime(clock.now() + ttlMs) }),
      ...Object.fromEntries(flags.usages.map((usage) => [`usage-bootstrap-${usage}`, 'true'])),
      ...(flags.groups.length > 0 && { 'auth-extra-groups': flags.groups.join(',') }),
      ...(flags.description !== undefined && { description: flags.description }),
    };
    const metadata = { name: bootstrapTokenName(id), namespace: NAMESPACE };
    await client.resource(Secret).create({ metadata, type: BOOTSTRAP_TOKEN_TYPE, stringData }).catch(alreadyThere(id));
    return `${command === undefined ? '' : `${command} --token `}${id}.${secret}\n`;
  });
}

/** All bootstrap tokens, as a table. */
export async function listTokens({ kubeconfig }: TokenFlags): Promise<string> {
  return withCluster(kubeconfig, async (client) => {
    const fieldSelector = `type=${BOOTSTRAP_TOKEN_TYPE}`;
    const { items } = await client.resource(Secret).list({ namespace: NAMESPACE, fieldSelector });
    return table([['TOKEN', 'TTL', 'EXPIRES', 'USAGES', 'DESCRIPTION', 'EXTRA GROUPS'], ...items.flatMap(rowsOf)]);
  });
}

/** Takes tokens back, by their ids or as a whole: nobody joins by them any more. Nodes that have joined stay. */
export async function deleteTokens(tokens: readonly string[], { kubeconfig }: TokenFlags): Promise<string> {
  const ids = tokens.map((token) => parseBootstrapToken(token)?.id ?? idIn(token));
  return withCluster(kubeconfig, async (client) => {
    for (const id of ids) {
      await client
        .resource(Secret)
        .delete({ name: bootstrapTokenName(id), namespace: NAMESPACE })
        .catch(notThere(id));
    }
    return ids.map((id) => `bootstrap token "${id}" deleted\n`).join('');
  });
}

/** What a machine is told, but for the token: where the cluster is and how it is known, as the cluster says of itself. */
async function joinCommand(client: Client): Promise<string> {
  const info = await client.resource(ConfigMap).find(CLUSTER_INFO);
  const { kubeconfig } = info?.data ?? {};
  if (kubeconfig === undefined) {
    const where = `${CLUSTER_INFO.namespace}/${CLUSTER_INFO.name}`;
    throw new KeelsonError('NotFound', `Cannot tell how to join: ConfigMap "${where}" has no kubeconfig`);
  }
  const { server, ca = '' } = parseKubeconfig(kubeconfig);
  return `keelson agent --server ${server} --ca-cert-hash ${publicKeyPin(ca)}`;
}

function rowsOf(secret: Secret): readonly (readonly string[])[] {
  const token = bootstrapTokenOf(secret);
  if (!token) return [];
  const { id, secret: hidden, expiresMs, usages, extraGroups } = token;
  const description = Buffer.from(secret.data?.['description'] ?? '', 'base64').toString() || '<none>';
  const [ttl, expires] = expiresMs === undefined ? ['<forever>', '<never>'] : [left(expiresMs), formatTime(expiresMs)];
  return [[`${id}.${hidden}`, ttl, expires, usages.toSorted().join(','), description, extraGroups?.join(',') || '<none>']];
}

function left(expiresMs: number): string {
  const minutes = Math.floor((expiresMs - clock.now()) / 60_000);
  if (minutes < 0) return '<expired>';
  return minutes < 60 ? `${minutes}m` : `${Math.floor(minutes / 60)}h`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_title, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   '));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

function newToken(): { readonly id: string; readonly secret: string } {
  return { id: randomText(6), secret: randomText(16) };
}

function randomText(length: number): string {
  return Array.from({ length }, () => CHARACTERS[randomInt(CHARACTERS.length)]).join('');
}

function tokenIn(text: string): { readonly id: string; readonly secret: string } {
  const token = parseBootstrapToken(text);
  if (token) return token;
  throw new KeelsonError('BadRequest', `The bootstrap token "${text}" is not of the form [a-z0-9]{6}.[a-z0-9]{16}`);
}

function idIn(text: string): string {
  if (/^[a-z0-9]{6}$/.test(text)) return text;
  throw new KeelsonError('BadRequest', `"${text}" is neither a bootstrap token nor the id of one, [a-z0-9]{6}`);
}

function ttlOf(text: string): number {
  const ttlMs = parseGoDuration(text);
  if (ttlMs >= 0) return ttlMs;
  throw new KeelsonError('BadRequest', `A token cannot last for "${text}"`);
}

function alreadyThere(id: string): (error: unknown) => never {
  return (cause) => {
    if (!isReason(cause, 'AlreadyExists')) throw cause;
    throw new KeelsonError('AlreadyExists', `There is a bootstrap token with id "${id}" already`, { cause });
  };
}

function notThere(id: string): (error: unknown) => never {
  return (cause) => {
    if (!isReason(cause, 'NotFound')) throw cause;
    throw new KeelsonError('NotFound', `There is no bootstrap token with id "${id}"`, { cause });
  };
}
