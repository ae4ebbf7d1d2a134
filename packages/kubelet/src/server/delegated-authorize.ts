import { createHash } from 'node:crypto';
import { TokenReview } from '@keelson/api/authentication/v1';
import { SubjectAccessReview } from '@keelson/api/authorization/v1';
import type { Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import type { Authorize, KubeletRequest, Verdict } from './contracts.ts';

export interface DelegatedAuthorizeDependencies {
  /** Has to be allowed to create token reviews and subject access reviews, as nodes are. */
  readonly client: Client;
  readonly clock: Clock;
  readonly nodeName: string;
}

type User = NonNullable<KubeletRequest['user']>;

interface Remembered<T> {
  readonly value: T;
  readonly untilMs: number;
}

const TOKEN_MS = 120_000;
const ALLOWED_MS = 300_000;
const DENIED_MS = 30_000;
const MAX_REMEMBERED = 1000;
const ADMINISTRATORS = 'system:masters';
/** Rights of their own, which the right to `nodes/proxy` includes. */
const FINE_GRAINED = ['pods', 'healthz', 'configz'];

/**
 * Asks the API server: who a bearer token belongs to, and whether its bearer, or that of a client certificate, has the right to
 * `nodes/<subresource>` of this node. `system:masters` have all rights. Answers are remembered for a while. Rejects while the API server does not answer.
 */
export function delegatedAuthorize(deps: DelegatedAuthorizeDependencies): Authorize {
  const tokens = new Memory<User | undefined>(deps.clock);
  const rights = new Memory<boolean>(deps.clock);
  const isAllowed = (user: User, verb: string, subresource: string): Promise<boolean> =>
    rights.get(JSON.stringify([user.name, user.groups, verb, subresource]), async () => {
      const value = await reviewAccess(deps, user, { verb, subresource });
      return { value, forMs: value ? ALLOWED_MS : DENIED_MS };
    });
  return async ({ bearerToken, subresource, user: known, verb }): Promise<Verdict> => {
    const user = known ?? (bearerToken === undefined ? undefined : await userOf(deps, tokens, bearerToken));
    if (!user) return 'unauthenticated';
    if (user.groups.includes(ADMINISTRATORS)) return 'allowed';
    const ways = FINE_GRAINED.includes(subresource) ? [subresource, 'proxy'] : [subresource];
    for (const way of ways) if (await isAllowed(user, verb, way)) return 'allowed';
    return 'forbidden';
  };
}

/** Tokens themselves are not kept. */
function userOf(
  { client }: DelegatedAuthorizeDependencies,
  tokens: Memory<User | undefined>,
  token: string,
): Promise<User | undefined> {
  return tokens.get(createHash('sha256').update(token).digest('base64'), async () => {
    const { status } = await client.resource(TokenReview).create({ spec: { token } });
    const { username = '', groups = [] } = status?.user ?? {};
    return { value: status?.authenticated ? { name: username, groups } : undefined, forMs: TOKEN_MS };
  });
}

async function reviewAccess(
  { client, nodeName }: DelegatedAuthorizeDependencies,
  { name, groups }: User,
  { verb, subresource }: { readonly verb: string; readonly subresource: string },
): Promise<boolean> {
  const resourceAttributes = { verb, version: 'v1', resource: 'nodes', subresource, name: nodeName };
  const review = { spec: { user: name, groups: [...groups], resourceAttributes } };
  return (await client.resource(SubjectAccessReview).create(review)).status?.allowed ?? false;
}

/** Answers that hold for some time. */
class Memory<T> {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Remembered<T>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async get(key: string, ask: () => Promise<{ readonly value: T; readonly forMs: number }>): Promise<T> {
    const known = this.#entries.get(key);
    if (known && this.#clock.now() < known.untilMs) return known.value;
    const { value, forMs } = await ask();
    this.#entries.delete(key);
    this.#entries.set(key, { value, untilMs: this.#clock.now() + forMs });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > MAX_REMEMBERED && oldest !== undefined) this.#entries.delete(oldest);
    return value;
  }
}
