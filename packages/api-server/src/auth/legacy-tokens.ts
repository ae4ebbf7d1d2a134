import { createHash, createPrivateKey, createPublicKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import type { Secret, ServiceAccount } from '@keelson/api/core/v1';
import { KeelsonError, type Clock } from '@keelson/base';
import type { Transport } from '@keelson/client';
import { decodeJwt, jwtVerify, SignJWT } from 'jose';
import type { UserInfo } from '../registry/strategy.ts';
import { authenticated, bearerToken } from './authenticators.ts';
import type { AuthenticationRequest, Authenticator } from './contracts.ts';

interface Dependencies {
  readonly clock: Clock;
  /** Reads the Secret and the account of a token. A function, since the server that gives it is made after this. */
  readonly transport: () => Transport;
}

/** Whose token, and the Secret that it is kept in. */
export interface LegacyTokenSubject {
  readonly namespace: string;
  readonly serviceAccount: { readonly name: string; readonly uid: string };
  readonly secret: string;
}

const ISSUER = 'kubernetes/serviceaccount';
const ALGORITHM = 'ES256';
const CLAIM = 'kubernetes.io/serviceaccount';
/** How long a token that was found good is taken without another look. */
const TRUSTED_MS = 10_000;
const MAX_TRUSTED = 4096;

/**
 * Tokens of Secrets of the type `kubernetes.io/service-account-token`: they do not run out, and are good as long as the Secret holds them
 * and the account is there.
 */
export class LegacyTokens implements Authenticator {
  readonly #clock: Clock;
  readonly #transport: () => Transport;
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;
  readonly #trusted = new Map<string, { readonly user: UserInfo; readonly untilMs: number }>();

  constructor({ clock, transport }: Dependencies, options: { readonly privateKey: string }) {
    this.#clock = clock;
    this.#transport = transport;
    this.#privateKey = createPrivateKey(options.privateKey);
    this.#publicKey = createPublicKey(options.privateKey);
  }

  async issue({ namespace, serviceAccount, secret }: LegacyTokenSubject): Promise<string> {
    const claims = {
      [`${CLAIM}/namespace`]: namespace,
      [`${CLAIM}/secret.name`]: secret,
      [`${CLAIM}/service-account.name`]: serviceAccount.name,
      [`${CLAIM}/service-account.uid`]: serviceAccount.uid,
    };
    const der = this.#publicKey.export({ type: 'spki', format: 'der' });
    return new SignJWT(claims)
      .setProtectedHeader({ alg: ALGORITHM, kid: createHash('sha256').update(der).digest('base64url') })
      .setIssuer(ISSUER)
      .setSubject(userName(namespace, serviceAccount.name))
      .sign(this.#privateKey);
  }

  async authenticate(request: AuthenticationRequest): Promise<UserInfo | undefined> {
    const token = bearerToken(request);
    return token !== undefined && (this.#trusted.has(token) || isLegacyToken(token)) ? this.review(token) : undefined;
  }

  /** Who a token stands for; `Unauthorized` if it is not good. */
  async review(token: string): Promise<UserInfo> {
    const nowMs = this.#clock.now();
    const known = this.#trusted.get(token);
    if (known && known.untilMs > nowMs) return known.user;
    this.#trusted.delete(token);
    const user = await this.#liveUser(token, await this.#verify(token));
    if (this.#trusted.size >= MAX_TRUSTED) this.#trusted.clear();
    this.#trusted.set(token, { user, untilMs: nowMs + TRUSTED_MS });
    return user;
  }

  async #verify(token: string): Promise<LegacyTokenSubject> {
    try {
      const { payload } = await jwtVerify(token, this.#publicKey, { issuer: ISSUER, algorithms: [ALGORITHM] });
      const text = (name: string): string => String(payload[`${CLAIM}/${name}`] ?? '');
      const serviceAccount = { name: text('service-account.name'), uid: text('service-account.uid') };
      return { namespace: text('namespace'), serviceAccount, secret: text('secret.name') };
    } catch (cause) {
      throw new KeelsonError('Unauthorized', 'Unauthorized', { cause });
    }
  }

  async #liveUser(token: string, { namespace, serviceAccount: { name, uid }, secret }: LegacyTokenSubject): Promise<UserInfo> {
    const [kept, account] = await Promise.all([
      this.#read<Secret>(namespace, 'secrets', secret),
      this.#read<ServiceAccount>(namespace, 'serviceaccounts', name),
    ]);
    const isGood =
      account.metadata?.uid === uid &&
      [kept, account].every(({ metadata }) => metadata?.deletionTimestamp === undefined) &&
      isSame(Buffer.from(kept.data?.['token'] ?? '', 'base64'), Buffer.from(token));
    if (!isGood) throw new KeelsonError('Unauthorized', 'Unauthorized');
    return authenticated({
      name: userName(namespace, name),
      uid,
      groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`],
    });
  }

  async #read<T>(namespace: string, resource: string, name: string): Promise<T> {
    try {
      const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/${resource}/${encodeURIComponent(name)}`;
      return (await this.#transport().request({ method: 'GET', path })).body as T;
    } catch (cause) {
      throw new KeelsonError('Unauthorized', 'Unauthorized', { cause });
    }
  }
}

/** True if a token says that it is one that is kept in a Secret, whoever has signed it. */
export function isLegacyToken(token: string): boolean {
  try {
    return decodeJwt(token).iss === ISSUER;
  } catch {
    return false;
  }
}

function isSame(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

function userName(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`;
}
