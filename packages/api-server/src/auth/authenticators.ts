import { KeelsonError } from '@keelson/base';
import type { UserInfo } from '../registry/strategy.ts';
import type { AuthenticationRequest, Authenticator } from './contracts.ts';

export const ANONYMOUS: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

const AUTHENTICATED = 'system:authenticated';

/** The user with the group that every authenticated user is in. */
export function authenticated(user: UserInfo): UserInfo {
  return user.groups.includes(AUTHENTICATED) ? user : { ...user, groups: [...user.groups, AUTHENTICATED] };
}

/** A verified client certificate: the common name is the user, organizations are groups (RFC 2253 attributes CN and O). */
export class ClientCertificateAuthenticator implements Authenticator {
  /** Many requests come over one connection, with the same certificate. */
  readonly #known = new WeakMap<object, UserInfo>();

  async authenticate({ peerCertificate }: AuthenticationRequest): Promise<UserInfo | undefined> {
    if (!peerCertificate) return undefined;
    const known = this.#known.get(peerCertificate);
    if (known) return known;
    const name = first(peerCertificate.subject.CN);
    if (name === undefined) return undefined;
    const user = authenticated({ name, groups: all(peerCertificate.subject.O) });
    this.#known.set(peerCertificate, user);
    return user;
  }
}

/** Tokens that are known from the start, such as those of a file. */
export class StaticTokenAuthenticator implements Authenticator {
  readonly #users: ReadonlyMap<string, UserInfo>;

  constructor(users: ReadonlyMap<string, UserInfo>) {
    this.#users = users;
  }

  async authenticate(request: AuthenticationRequest): Promise<UserInfo | undefined> {
    const user = this.#users.get(bearerToken(request) ?? '');
    return user && authenticated(user);
  }
}

/**
 * Asks each authenticator in turn. Without any credentials the caller is `system:anonymous`; with credentials that nobody knows it is
 * refused with `Unauthorized`.
 */
export class AuthenticatorChain {
  readonly #authenticators: readonly Authenticator[];

  constructor(authenticators: readonly Authenticator[]) {
    this.#authenticators = authenticators;
  }

  async authenticate(request: AuthenticationRequest): Promise<UserInfo> {
    for (const authenticator of this.#authenticators) {
      const user = await authenticator.authenticate(request);
      if (user) return user;
    }
    if (request.headers.authorization !== undefined || request.hasUntrustedCertificate)
      throw new KeelsonError('Unauthorized', 'Unauthorized');
    return ANONYMOUS;
  }
}

const BEARER_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';

/** True for a WebSocket protocol that is a token. */
export function isBearerProtocol(protocol: string): boolean {
  return protocol.startsWith(BEARER_PROTOCOL);
}

/** The bearer token of a request: from the header, or from the WebSocket protocol that browsers use instead. */
export function bearerToken({ headers }: AuthenticationRequest): string | undefined {
  const found = /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '');
  if (found) return found[1];
  const protocol = headers['sec-websocket-protocol']
    ?.split(',')
    .map((text) => text.trim())
    .find(isBearerProtocol);
  return protocol && Buffer.from(protocol.slice(BEARER_PROTOCOL.length), 'base64url').toString();
}

function all(value: string | string[] | undefined): string[] {
  return value === undefined ? [] : [value].flat();
}

function first(value: string | string[] | undefined): string | undefined {
  return all(value)[0];
}
