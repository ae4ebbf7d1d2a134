import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from './contracts.ts';

/** Several authorizers, asked in order until one allows. If none does, all that they say of it counts. */
export class AuthorizerChain implements Authorizer {
  readonly #authorizers: readonly Authorizer[];

  constructor(authorizers: readonly Authorizer[]) {
    this.#authorizers = authorizers;
  }

  /** Hot path: every request. */
  async authorize(attributes: AuthorizationAttributes): Promise<AuthorizationDecision> {
    let reasons = '';
    for (const authorizer of this.#authorizers) {
      const decision = await authorizer.authorize(attributes);
      if (decision.allowed) return decision;
      if (decision.reason) reasons = reasons === '' ? decision.reason : `${reasons}\n${decision.reason}`;
    }
    return reasons === '' ? { allowed: false } : { allowed: false, reason: reasons };
  }
}
