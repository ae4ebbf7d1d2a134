import { generateKeyPairSync } from 'node:crypto';
import type { Clock } from '@keelson/base';
import type { Transport } from '@keelson/client';
import type { ApiServerExtensions } from '../api-server.ts';
import { reviewResources } from '../auth/cluster-auth.ts';
import type { Authorizer } from '../auth/contracts.ts';
import { ServiceAccountTokens } from '../auth/service-account-tokens.ts';

const EVERYTHING = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];
const OPEN: Authorizer = { authorize: async () => ({ allowed: true }) };

/** Service account tokens, and answers to who may do what: everybody everything, unless there is an `authorizer`. */
export function openAccess(
  dependencies: { readonly clock: Clock; readonly transport: () => Transport },
  authorizer: Authorizer | undefined,
): Required<Pick<ApiServerExtensions, 'authenticators' | 'tokenIssuer' | 'virtualResources'>> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const tokens = new ServiceAccountTokens(dependencies, {
    issuer: 'https://kubernetes.default.svc',
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  });
  return {
    authenticators: [tokens],
    tokenIssuer: tokens,
    virtualResources: reviewResources({
      authorizer: authorizer ?? OPEN,
      rulesOf: () => (authorizer ? [] : EVERYTHING),
      reviewToken: (token, audiences) => tokens.review(token, audiences),
    }),
  };
}
