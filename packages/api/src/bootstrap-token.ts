import type { Secret } from './generated/core/v1.ts';
import { parseTime } from './time.ts';

/** The type of the Secrets that hold bootstrap tokens. */
export const BOOTSTRAP_TOKEN_TYPE = 'bootstrap.kubernetes.io/token';

const NAME_PREFIX = 'bootstrap-token-';
const ID = /^[a-z0-9]{6}$/;
const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

/** What a Secret says of the bootstrap token that it holds. */
export interface BootstrapToken {
  readonly id: string;
  readonly secret: string;
  /** By which time it is no more good; `undefined` if it is always. A time that cannot be read has passed. */
  readonly expiresMs: number | undefined;
  readonly usages: readonly ('authentication' | 'signing')[];
  /** Beside `system:bootstrappers`; `undefined` if one of them is none that such a token may give. */
  readonly extraGroups: readonly string[] | undefined;
}

/** The token of a Secret of `kube-system`; `undefined` unless its name, type and content say the same one. */
export function bootstrapTokenOf({ metadata, type, data = {} }: Secret): BootstrapToken | undefined {
  const text = (key: string): string => decoded(data?.[key]);
  const [id, secret] = [text('token-id'), text('token-secret')];
  if (type !== BOOTSTRAP_TOKEN_TYPE || !ID.test(id) || secret === '' || metadata?.name !== bootstrapTokenName(id))
    return undefined;
  const usages = (['authentication', 'signing'] as const).filter((usage) => text(`usage-bootstrap-${usage}`) === 'true');
  return { id, secret, usages, expiresMs: bootstrapTokenExpiry({ data }), extraGroups: groupsOf(text('auth-extra-groups')) };
}

/** When a Secret's token ends, whatever else the Secret says; `undefined` for never. A time that cannot be read has passed. */
export function bootstrapTokenExpiry({ data }: Pick<Secret, 'data'>): number | undefined {
  const expiration = decoded(data?.['expiration']);
  return expiration === '' ? undefined : (parseTime(expiration) ?? 0);
}

/** The name of the Secret of a token. */
export function bootstrapTokenName(id: string): string {
  return `${NAME_PREFIX}${id}`;
}

/** The two halves of a token as a client sends it; `undefined` if it is no such token. */
export function parseBootstrapToken(token: string): { readonly id: string; readonly secret: string } | undefined {
  const [, id, secret] = TOKEN.exec(token) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

function groupsOf(text: string): readonly string[] | undefined {
  const groups = text.split(',').filter((group) => group !== '');
  return groups.every((group) => GROUP.test(group)) ? [...new Set(groups)].toSorted() : undefined;
}

/** What is in a token's Secret is ASCII, or wrong. */
function decoded(base64: string | undefined): string {
  try {
    return atob(base64 ?? '');
  } catch {
    return '';
  }
}
