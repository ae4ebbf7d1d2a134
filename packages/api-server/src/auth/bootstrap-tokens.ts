import { timingSafeEqual } from 'node:crypto';
import { bootstrapTokenName, bootstrapTokenOf, parseBootstrapToken } from '@keelson/api';
import type { Secret } from '@keelson/api/core/v1';
import { isReason, type Clock } from '@keelson/base';
import type { Transport } from '@keelson/client';
import type { UserInfo } from '../registry/strategy.ts';
import { authenticated, bearerToken } from './authenticators.ts';
import type { AuthenticationRequest, Authenticator } from './contracts.ts';

interface Dependencies {
  readonly clock: Clock;
  /** Reads the Secret of a token. A function, since the server that gives it is made after this. */
  readonly transport: () => Transport;
}

/**
 * Tokens by which nodes ask for their first certificate: `ID.SECRET`, kept in the Secret `kube-system/bootstrap-token-ID`. Each is looked at
 * anew, so that one that is deleted, or has expired, is of no use from then on.
 */
export class BootstrapTokens implements Authenticator {
  readonly #clock: Clock;
  readonly #transport: () => Transport;

  constructor({ clock, transport }: Dependencies) {
    this.#clock = clock;
    this.#transport = transport;
  }

  authenticate(request: AuthenticationRequest): Promise<UserInfo | undefined> {
    return this.review(bearerToken(request) ?? '');
  }

  /** Who a token stands for; `undefined` if it is none, or not good: another authenticator may know it. */
  async review(token: string): Promise<UserInfo | undefined> {
    const shown = parseBootstrapToken(token);
    const kept = shown && (await this.#secret(shown.id));
    const known = kept && kept.metadata?.deletionTimestamp === undefined ? bootstrapTokenOf(kept) : undefined;
    if (!shown || !known?.extraGroups || !isSame(known.secret, shown.secret)) return undefined;
    if (!known.usages.includes('authentication') || (known.expiresMs ?? Infinity) <= this.#clock.now()) return undefined;
    return authenticated({ name: `system:bootstrap:${known.id}`, groups: ['system:bootstrappers', ...known.extraGroups] });
  }

  async #secret(id: string): Promise<Secret | undefined> {
    try {
      const path = `/api/v1/namespaces/kube-system/secrets/${bootstrapTokenName(id)}`;
      return (await this.#transport().request({ method: 'GET', path })).body as Secret;
    } catch (error) {
      if (isReason(error, 'NotFound')) return undefined;
      throw error;
    }
  }
}

function isSame(one: string, other: string): boolean {
  const [first, second] = [Buffer.from(one), Buffer.from(other)];
  return first.length === second.length && timingSafeEqual(first, second);
}
