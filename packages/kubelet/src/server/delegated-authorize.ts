import { createHash } from 'node:crypto';
import { TokenReview } from '@keelson/api/authentication/v1';
import { SubjectAccessReview } from '@keelson/api/authorization/v1';
import type { Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import type { Authorize, KubeletRequest, KubeletUser, Verdict } from './contracts.ts';

export interface DelegatedAuthorizeDependencies {
  /** Has to be allowed to create token reviews and subject access reviews, as nodes are. */
  readonly client: Client;
  readonly clock: Clock;
  readonly nodeName: string;
  /** Who brings neither certificate nor token is `system:anonymous`, with the rights that has. Default: nobody. */
  readonly anonymous?: boolean;
}

const ANONYMOUS: KubeletUser = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

interface Remembered<T> {
  readonly value: T;
  readonly untilMs: number;
}

const TOKEN_MS = 120_000;
const ALLOWED_MS = 300_000;
const DENIED_MS = 30_000;
const MAX_REMEMBERED = 1000;
const ADMINISTRATORS = 'system:masters';

/**
 * Asks the API server: who a bearer token belongs to, and whether its bearer, or that of a client certificate, has the right to
 * `nodes/<subresource>` of this node. `system:masters` have all rights. Answers are remembered for a while, and asked for once at a time.
 * Rejects while the API server does not answer.
 */
export function delegatedAuthorize(deps: DelegatedAuthorizeDependencies): Authorize {
  const tokens = new Memory<KubeletUser | undefined>(deps.clock);
  const rights = new Memory<boolean>(deps.clock);
  const isAllowed = (user: KubeletUser, verb: string, subresource: string): Promise<boolean> =>
    rights.get(JSON.stringify([user.name, user.groups, verb, subresource]), async () => {
      const value = await reviewAccess(deps, user, { verb, subresource });
      return { value, forMs: value ? ALLOWED_MS : DENIED_MS };
    });
  const callerOf = async ({ user, bearerToken }: KubeletRequest): Promise<KubeletUser | undefined> => {
    if (user) return user;
    // A token that is not accepted does not make its bearer anonymous.
    if (bearerToken !== undefined) return userOf(deps, tokens, bearerToken);
    return deps.anonymous === true ? ANONYMOUS : undefined;
  };
  return async (request): Promise<Verdict> => {
    const user = await callerOf(request);
    if (!user) return { type: 'unauthenticated' };
    if (user.groups.includes(ADMINISTRATORS)) return { type: 'allowed' };
    for (const way of request.subresources) if (await isAllowed(user, request.verb, way)) return { type: 'allowed' };
    return { type: 'forbidden', user: user.name };
  };
}

/** Tokens themselves are not kept. */
function userOf(
  { client }: DelegatedAuthorizeDependencies,
  tokens: Memory<KubeletUser | undefined>,
  token: string,
): Promise<KubeletUser | undefined> {
  return tokens.get(createHash('sha256').update(token).digest('base64'), async () => {
    const { status } = await client.resource(TokenReview).create({ spec: { token } });
    const { username = '', groups = [] } = status?.user ?? {};
    return { value: status?.authenticated ? { name: username, groups } : undefined, forMs: TOKEN_MS };
  });
}

async function reviewAccess(
  { client, nodeName }: DelegatedAuthorizeDependencies,
  { name, groups }: KubeletUser,
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
  readonly #asked = new Map<string, Promise<T>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async get(key: string, ask: () => Promise<{ readonly value: T; readonly forMs: number }>): Promise<T> {
    const known = this.#entries.get(key);
    if (known && this.#clock.now() < known.untilMs) return known.value;
    const asked = this.#asked.get(key) ?? this.#ask(key, ask).finally(() => this.#asked.delete(key));
    this.#asked.set(key, asked);
    return asked;
  }

  async #ask(key: string, ask: () => Promise<{ readonly value: T; readonly forMs: number }>): Promise<T> {
    const { value, forMs } = await ask();
    this.#entries.delete(key);
    this.#entries.set(key, { value, untilMs: this.#clock.now() + forMs });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > MAX_REMEMBERED && oldest !== undefined) this.#entries.delete(oldest);
    return value;
  }
}
