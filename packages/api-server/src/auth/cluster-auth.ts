import { methodNotAllowed } from '@keelson/api';
import { KeelsonError, type Clock, type Logger } from '@keelson/base';
import type { Transport } from '@keelson/client';
import type { ApiServerExtensions } from '../api-server.ts';
import type { VirtualResource } from '../registry/virtual-resource.ts';
import type { PathHandler } from '../request/path-handler.ts';
import { NODE_RULES } from '../bootstrap/component-roles.ts';
import { ClientCertificateAuthenticator } from './authenticators.ts';
import { AuthorizerChain } from './authorizer-chain.ts';
import { BootstrapTokens } from './bootstrap-tokens.ts';
import type { Authenticator } from './contracts.ts';
import { isLegacyToken, LegacyTokens } from './legacy-tokens.ts';
import { NodeAuthorizer } from './node/node-authorizer.ts';
import { NodeRelations } from './node/node-relations.ts';
import { RbacMirror } from './rbac-mirror.ts';
import { RbacAuthorizer } from './rbac.ts';
import { reviews } from './reviews.ts';
import { ServiceAccountTokens } from './service-account-tokens.ts';

export interface ClusterAuthDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The server itself, as a user that may read everything. A function, since the server is made with this. */
  readonly transport: () => Transport;
}

export interface ClusterAuthOptions {
  /** `iss` of service account tokens. `https://kubernetes.default.svc` if absent, as upstream has it. */
  readonly issuer?: string;
  /** PEM, P-256: signs service account tokens. */
  readonly signingKey: string;
  /** Know the tokens of Secrets of the type `bootstrap.kubernetes.io/token`. Default false, as upstream. */
  readonly bootstrapTokens?: boolean;
  /** Asked after certificates and the tokens of the cluster's own. */
  readonly authenticators?: readonly Authenticator[];
}

const REVIEW_GROUPS: Readonly<Record<string, string>> = {
  subjectaccessreviews: 'authorization.k8s.io',
  localsubjectaccessreviews: 'authorization.k8s.io',
  selfsubjectaccessreviews: 'authorization.k8s.io',
  selfsubjectrulesreviews: 'authorization.k8s.io',
  selfsubjectreviews: 'authentication.k8s.io',
  tokenreviews: 'authentication.k8s.io',
};

/**
 * Who may do what in a cluster: client certificates and service account tokens say who asks, the Node authorizer and RBAC say what they may
 * do, and the review kinds tell it to others.
 */
export class ClusterAuth {
  readonly extensions: ApiServerExtensions;
  /** Makes the tokens that are kept in Secrets. */
  readonly legacyTokens: Pick<LegacyTokens, 'issue'>;
  readonly #mirror: RbacMirror;
  readonly #relations: NodeRelations;

  constructor(dependencies: ClusterAuthDependencies, options: ClusterAuthOptions) {
    const { issuer = 'https://kubernetes.default.svc', signingKey, authenticators = [] } = options;
    const tokens = new ServiceAccountTokens(dependencies, { issuer, privateKey: signingKey });
    const legacyTokens = new LegacyTokens(dependencies, { privateKey: signingKey });
    const bootstrapTokens = options.bootstrapTokens ? new BootstrapTokens(dependencies) : undefined;
    this.legacyTokens = legacyTokens;
    this.#mirror = new RbacMirror(dependencies);
    this.#relations = new NodeRelations(dependencies);
    const roles = new RbacAuthorizer(this.#mirror.roles);
    const authorizer = new AuthorizerChain([new NodeAuthorizer(this.#relations, NODE_RULES), roles]);
    this.extensions = {
      authenticators: [
        new ClientCertificateAuthenticator(),
        tokens,
        legacyTokens,
        ...(bootstrapTokens ? [bootstrapTokens] : []),
        ...authenticators,
      ],
      authorizer,
      tokenIssuer: tokens,
      virtualResources: reviewResources({
        authorizer,
        rulesOf: (user, namespace) => roles.rulesOf(user, namespace),
        reviewToken: async (token, audiences) => {
          const user = isLegacyToken(token) ? await legacyTokens.review(token) : await bootstrapTokens?.review(token);
          return user ? { user, audiences: ownAudience(audiences, issuer) } : tokens.review(token, audiences);
        },
      }),
      pathHandlers: [new IssuerPaths(tokens)],
    };
  }

  /** Resolves when roles and bindings are known; nobody but `system:masters` may do anything before. */
  ready(): Promise<void> {
    return this.#mirror.ready();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#mirror.stop(), this.#relations.stop()]);
  }
}

/** Tokens that name no audience are for the API server alone. */
function ownAudience(wanted: readonly string[], own: string): readonly string[] {
  if (wanted.length > 0 && !wanted.includes(own)) throw new KeelsonError('Unauthorized', 'Unauthorized');
  return [own];
}

/** The review kinds as resources that are asked and not stored. */
export function reviewResources(dependencies: Parameters<typeof reviews>[0]): readonly VirtualResource[] {
  return Object.entries(reviews(dependencies)).map(([resource, review]) => ({
    group: REVIEW_GROUPS[resource] ?? '',
    resource,
    create: (object, caller) => review(object, caller),
  }));
}

/** What others check service account tokens by (OpenID Connect Discovery 1.0). */
class IssuerPaths implements PathHandler {
  readonly #tokens: ServiceAccountTokens;

  constructor(tokens: ServiceAccountTokens) {
    this.#tokens = tokens;
  }

  async handle({ path, method }: Parameters<PathHandler['handle']>[0]): ReturnType<PathHandler['handle']> {
    const documents: Readonly<Record<string, readonly [contentType: string, make: () => unknown]>> = {
      '/.well-known/openid-configuration': ['application/json', () => this.#tokens.discovery()],
      '/openid/v1/jwks': ['application/jwk-set+json', () => this.#tokens.jwks()],
    };
    const found = documents[path.replace(/\/$/, '')];
    if (!found) return undefined;
    if (method !== 'GET' && method !== 'HEAD') {
      throw methodNotAllowed();
    }
    const [contentType, make] = found;
    const headers = { 'Cache-Control': 'public, max-age=3600' };
    return { type: 'content', status: 200, contentType, headers, body: JSON.stringify(await make()) };
  }
}
