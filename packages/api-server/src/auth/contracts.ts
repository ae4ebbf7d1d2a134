import type { IncomingHttpHeaders } from 'node:http';
import type { PeerCertificate } from 'node:tls';
import type { FieldTerm } from '@keelson/api';
import type { UserInfo } from '../registry/strategy.ts';

/** What an authenticator may look at. */
export interface AuthenticationRequest {
  readonly headers: IncomingHttpHeaders;
  /** The client's certificate, if TLS has verified it against the client CA. */
  readonly peerCertificate?: Pick<PeerCertificate, 'subject' | 'fingerprint256'> | undefined;
  /** The client has shown a certificate that TLS could not verify. */
  readonly hasUntrustedCertificate?: boolean;
}

/** Finds out who asks. Several are asked in order; the first one that knows the caller wins. */
export interface Authenticator {
  /** `undefined`: these are not my credentials. Rejects with `Unauthorized` if they are mine and wrong. */
  authenticate(request: AuthenticationRequest): Promise<UserInfo | undefined>;
}

/** What is to be done, in the terms of RBAC. */
export interface AuthorizationAttributes {
  readonly user: UserInfo;
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, or the lower-case HTTP method for a path. */
  readonly verb: string;
  /** Absent for requests that name a path and no resource. */
  readonly resource?: {
    readonly group: string;
    readonly version: string;
    readonly resource: string;
    readonly subresource?: string | undefined;
    readonly namespace?: string | undefined;
    readonly name?: string | undefined;
    /** Of a list or watch: all that is seen of it fulfils these. */
    readonly fields?: readonly FieldTerm[] | undefined;
  };
  /** For requests that name no resource. */
  readonly path?: string;
}

export interface AuthorizationDecision {
  readonly allowed: boolean;
  /** For people; ends up in the message of a 403. */
  readonly reason?: string;
}

export interface Authorizer {
  authorize(attributes: AuthorizationAttributes): Promise<AuthorizationDecision>;
}

/** Makes tokens for service accounts: what `serviceaccounts/token` answers. */
export interface TokenIssuer {
  issue(request: {
    readonly serviceAccount: { readonly namespace: string; readonly name: string; readonly uid: string };
    /** Empty for the API server's own audience. */
    readonly audiences: readonly string[];
    readonly expirationSeconds: number;
    readonly boundTo?: { readonly kind: string; readonly name: string; readonly uid: string; readonly node?: string };
  }): Promise<{ readonly token: string; readonly expirationTimestamp: string; readonly audiences: readonly string[] }>;
}
