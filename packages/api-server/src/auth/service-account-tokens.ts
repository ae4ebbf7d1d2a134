import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { formatTime, type KubernetesObject } from '@keelson/api';
import { KeelsonError, type Clock } from '@keelson/base';
import type { Transport } from '@keelson/client';
import { decodeProtectedHeader, exportJWK, jwtVerify, SignJWT, type JWTPayload } from 'jose';
import type { UserInfo } from '../registry/strategy.ts';
import { authenticated, bearerToken } from './authenticators.ts';
import type { AuthenticationRequest, Authenticator, TokenIssuer } from './contracts.ts';
import { isLegacyToken } from './legacy-tokens.ts';

export interface ServiceAccountTokensOptions {
  /** `iss` of the tokens, an HTTPS URL. */
  readonly issuer: string;
  /** PEM; P-256, so that tokens are signed by ES256. */
  readonly privateKey: string;
}

interface Dependencies {
  readonly clock: Clock;
  /** Reads the objects that a token is bound to. A function, since the server that gives it is made after this. */
  readonly transport: () => Transport;
}

/** What `kubernetes.io` holds in a bound token (KEP-1205). */
interface BoundClaims {
  readonly namespace: string;
  readonly serviceaccount: { readonly name: string; readonly uid: string };
  readonly pod?: { readonly name: string; readonly uid: string };
  readonly secret?: { readonly name: string; readonly uid: string };
  readonly node?: { readonly name: string; readonly uid: string };
}

const ALGORITHM = 'ES256';
/** How long a token that was found good is taken without another look at its signature and the objects that it is bound to. */
const TRUSTED_MS = 10_000;
const MAX_TRUSTED = 4096;

interface Trusted {
  readonly user: UserInfo;
  readonly audiences: readonly string[];
  readonly untilMs: number;
}

/** Issues service account tokens and knows them again: JWTs bound to a service account and, if asked, to a pod (KEP-1205). */
export class ServiceAccountTokens implements Authenticator, TokenIssuer {
  readonly #clock: Clock;
  readonly #transport: () => Transport;
  readonly #issuer: string;
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;
  readonly #keyId: string;
  readonly #trusted = new Map<string, Trusted>();

  constructor({ clock, transport }: Dependencies, options: ServiceAccountTokensOptions) {
    this.#clock = clock;
    this.#transport = transport;
    this.#issuer = options.issuer;
    this.#privateKey = createPrivateKey(options.privateKey);
    this.#publicKey = createPublicKey(options.privateKey);
    this.#keyId = createHash('sha256')
      .update(this.#publicKey.export({ type: 'spki', format: 'der' }))
      .digest('base64url');
  }

  async issue(request: Parameters<TokenIssuer['issue']>[0]): ReturnType<TokenIssuer['issue']> {
    const { serviceAccount, boundTo } = request;
    const issuedAt = Math.floor(this.#clock.now() / 1000);
    const expires = issuedAt + request.expirationSeconds;
    const audiences = request.audiences.length > 0 ? request.audiences : [this.#issuer];
    const claims = {
      namespace: serviceAccount.namespace,
      serviceaccount: { name: serviceAccount.name, uid: serviceAccount.uid },
      ...(boundTo && { [boundTo.kind.toLowerCase()]: { name: boundTo.name, uid: boundTo.uid } }),
    };
    const token = await new SignJWT({ 'kubernetes.io': claims })
      .setProtectedHeader({ alg: ALGORITHM, kid: this.#keyId })
      .setIssuer(this.#issuer)
      .setSubject(userName(serviceAccount))
      .setAudience([...audiences])
      .setIssuedAt(issuedAt)
      .setNotBefore(issuedAt)
      .setExpirationTime(expires)
      .setJti(crypto.randomUUID())
      .sign(this.#privateKey);
    return { token, expirationTimestamp: formatTime(expires * 1000), audiences };
  }

  async authenticate(request: AuthenticationRequest): Promise<UserInfo | undefined> {
    const token = bearerToken(request);
    if (token === undefined || !(this.#trusted.has(token) || this.#isOwn(token))) return undefined;
    return (await this.review(token, [this.#issuer])).user;
  }

  /** Who a token stands for, if it is good for one of `audiences`; `Unauthorized` otherwise. */
  async review(
    token: string,
    audiences: readonly string[],
  ): Promise<{ readonly user: UserInfo; readonly audiences: readonly string[] }> {
    const wanted = audiences.length > 0 ? audiences : [this.#issuer];
    const nowMs = this.#clock.now();
    const known = this.#trusted.get(token);
    if (known && known.untilMs > nowMs) return forAudiences(known, wanted);
    const payload = await this.#verify(token, wanted);
    const user = await this.#liveUser(claimsOf(payload), payload);
    const untilMs = Math.min(nowMs + TRUSTED_MS, (payload.exp ?? 0) * 1000);
    const trusted: Trusted = { user, audiences: [payload.aud ?? []].flat(), untilMs };
    if (this.#trusted.size >= MAX_TRUSTED) this.#trusted.clear();
    this.#trusted.set(token, trusted);
    return forAudiences(trusted, wanted);
  }

  /** JSON Web Key Set, as served at `/openid/v1/jwks`. */
  async jwks(): Promise<unknown> {
    return { keys: [{ ...(await exportJWK(this.#publicKey)), kid: this.#keyId, alg: ALGORITHM, use: 'sig' }] };
  }

  /** The document of `/.well-known/openid-configuration`. */
  discovery(): unknown {
    return {
      issuer: this.#issuer,
      jwks_uri: `${this.#issuer}/openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [ALGORITHM],
    };
  }

  #isOwn(token: string): boolean {
    try {
      return decodeProtectedHeader(token).kid === this.#keyId && !isLegacyToken(token);
    } catch {
      return false;
    }
  }

  async #verify(token: string, audiences: readonly string[]): Promise<JWTPayload> {
    try {
      const currentDate = new Date(this.#clock.now());
      const checks = { issuer: this.#issuer, audience: [...audiences], algorithms: [ALGORITHM], currentDate };
      return (await jwtVerify(token, this.#publicKey, checks)).payload;
    } catch (cause) {
      throw new KeelsonError('Unauthorized', 'Unauthorized', { cause });
    }
  }

  /** The token dies with its service account, and with the pod or secret that it is bound to. */
  async #liveUser(claims: BoundClaims, payload: JWTPayload): Promise<UserInfo> {
    const { namespace, serviceaccount, pod, secret } = claims;
    await this.#mustExist(`serviceaccounts/${serviceaccount.name}`, namespace, serviceaccount.uid);
    if (pod) await this.#mustExist(`pods/${pod.name}`, namespace, pod.uid);
    if (secret) await this.#mustExist(`secrets/${secret.name}`, namespace, secret.uid);
    return authenticated({
      name: userName({ namespace, name: serviceaccount.name }),
      uid: serviceaccount.uid,
      groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`],
      extra: {
        'authentication.kubernetes.io/credential-id': [`JTI=${payload.jti ?? ''}`],
        ...(pod && { 'authentication.kubernetes.io/pod-name': [pod.name], 'authentication.kubernetes.io/pod-uid': [pod.uid] }),
      },
    });
  }

  async #mustExist(path: string, namespace: string, uid: string): Promise<void> {
    const found = await this.#transport()
      .request({ method: 'GET', path: `/api/v1/namespaces/${namespace}/${path}` })
      .catch((cause: unknown) => {
        throw new KeelsonError('Unauthorized', 'Unauthorized', { cause });
      });
    const object = found.body as KubernetesObject;
    if (object.metadata?.uid !== uid) throw new KeelsonError('Unauthorized', 'Unauthorized');
  }
}

function forAudiences({ user, audiences }: Trusted, wanted: readonly string[]): { user: UserInfo; audiences: readonly string[] } {
  const matched = wanted.filter((audience) => audiences.includes(audience));
  if (matched.length === 0) throw new KeelsonError('Unauthorized', 'Unauthorized');
  return { user, audiences: matched };
}

function userName({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

function claimsOf(payload: JWTPayload): BoundClaims {
  const claims = payload['kubernetes.io'];
  if (typeof claims !== 'object' || claims === null || !('serviceaccount' in claims))
    throw new KeelsonError('Unauthorized', 'Unauthorized');
  // Signed by us, so of the shape that `issue` gives it.
  return claims as BoundClaims;
}
