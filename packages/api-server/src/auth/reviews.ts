import { badRequest, type FieldTerm } from '@keelson/api';
import type { SelfSubjectReview, TokenReview } from '@keelson/api/authentication/v1';
import type {
  FieldSelectorAttributes,
  LocalSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
} from '@keelson/api/authorization/v1';
import type { PolicyRule } from '@keelson/api/rbac/v1';
import { errorMessage } from '@keelson/base';
import type { UserInfo } from '../registry/strategy.ts';
import { fieldTerms } from '../request/field-terms.ts';
import type { AuthorizationAttributes, Authorizer } from './contracts.ts';
import { nodeOf } from './node/node-identity.ts';
import { checkedLocal, checkedSelf, checkedSubject } from './review-validation.ts';

/** What reviews ask. */
export interface ReviewDependencies {
  readonly authorizer: Authorizer;
  /** The rules that hold for a user, if the authorizer can tell. */
  readonly rulesOf?: (user: UserInfo, namespace: string) => Iterable<PolicyRule>;
  /** Rejects if the token is not good for one of the audiences. */
  readonly reviewToken: (
    token: string,
    audiences: readonly string[],
  ) => Promise<{ readonly user: UserInfo; readonly audiences: readonly string[] }>;
}

/** Answers an object that is asked and not stored: the same object with its status filled in. */
export type Review = (
  object: unknown,
  caller: { readonly user: UserInfo; readonly namespace: string | undefined },
) => Promise<unknown>;

/** The kinds of `authentication.k8s.io` and `authorization.k8s.io` that are never stored, by plural. */
export function reviews(dependencies: ReviewDependencies): Readonly<Record<string, Review>> {
  const access = async (object: unknown, spec: SubjectAccessReviewSpec): Promise<unknown> => ({
    ...(object as SubjectAccessReview),
    status: await reviewAccess(dependencies.authorizer, spec),
  });
  return {
    subjectaccessreviews: async (object) => access(object, checkedSubject((object as Partial<SubjectAccessReview>).spec)),
    localsubjectaccessreviews: async (object, { namespace }) =>
      access(object, checkedLocal(object as Partial<LocalSubjectAccessReview>, namespace)),
    selfsubjectaccessreviews: async (object, { user }) =>
      access(object, { ...checkedSelf((object as Partial<SubjectAccessReview>).spec), ...specOf(user) }),
    selfsubjectrulesreviews: async (object, { user }) => reviewRules(dependencies, object as SelfSubjectRulesReview, user),
    selfsubjectreviews: async (object, { user }) => ({ ...(object as SelfSubjectReview), status: { userInfo: userInfo(user) } }),
    tokenreviews: async (object) => reviewToken(dependencies, object as TokenReview),
  };
}

async function reviewAccess(authorizer: Authorizer, spec: SubjectAccessReviewSpec): Promise<SubjectAccessReview['status']> {
  const { allowed, reason } = await authorizer.authorize(attributesOf(spec));
  return { allowed, ...(reason !== undefined && { reason }) };
}

function attributesOf(spec: SubjectAccessReviewSpec): AuthorizationAttributes {
  const user: UserInfo = { name: spec.user ?? '', groups: spec.groups ?? [], ...(spec.uid !== undefined && { uid: spec.uid }) };
  const asked = spec.resourceAttributes;
  if (!asked) return { user, verb: spec.nonResourceAttributes?.verb ?? '', path: spec.nonResourceAttributes?.path ?? '' };
  const { group = '', version = '', resource = '', verb = '' } = asked;
  const optional = {
    subresource: asked.subresource || undefined,
    namespace: asked.namespace || undefined,
    name: asked.name || undefined,
    fields: fieldsOf(asked.fieldSelector),
  };
  return { user, verb, resource: { group, version, resource, ...optional } };
}

/** Requirements that one value fulfils; what else is required makes what is asked for no larger. */
function fieldsOf(selector: FieldSelectorAttributes | undefined): readonly FieldTerm[] | undefined {
  const { rawSelector, requirements = [] } = selector ?? {};
  if (requirements.length === 0) return fieldTerms(rawSelector);
  return requirements.flatMap(({ key, operator, values = [] }): readonly FieldTerm[] => {
    const [value] = values;
    return operator === 'In' && values.length === 1 && value !== undefined ? [{ field: key, operator: '=', value }] : [];
  });
}

function specOf(user: UserInfo): SubjectAccessReviewSpec {
  return { user: user.name, groups: [...user.groups], ...(user.uid !== undefined && { uid: user.uid }) };
}

function reviewRules({ rulesOf }: ReviewDependencies, review: SelfSubjectRulesReview, user: UserInfo): SelfSubjectRulesReview {
  const { namespace } = (review as Partial<SelfSubjectRulesReview>).spec ?? {};
  if (!namespace) throw badRequest('no namespace on request');
  const rules = rulesOf ? [...rulesOf(user, namespace)] : [];
  const everything = user.groups.includes('system:masters') || !rulesOf;
  if (everything) rules.unshift({ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { verbs: ['*'], nonResourceURLs: ['*'] });
  return {
    ...review,
    status: {
      ...completeness(user),
      resourceRules: rules
        .filter((rule) => rule.resources?.length)
        .map(({ verbs, apiGroups, resources, resourceNames }) => ({ verbs, apiGroups, resources, resourceNames })),
      nonResourceRules: rules
        .filter((rule) => rule.nonResourceURLs?.length)
        .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
    },
  };
}

/** What a kubelet may do depends on its pods, and so on more than rules. */
function completeness(user: UserInfo): { incomplete: boolean; evaluationError?: string } {
  if (nodeOf(user) === undefined) return { incomplete: false };
  return { incomplete: true, evaluationError: 'node authorizer does not support user rule resolution' };
}

async function reviewToken(dependencies: ReviewDependencies, review: TokenReview): Promise<TokenReview> {
  const { token, audiences: wanted = [] } = (review as Partial<TokenReview>).spec ?? {};
  if (!token) throw badRequest('token is required for TokenReview in authentication');
  try {
    const { user, audiences } = await dependencies.reviewToken(token, wanted);
    return { ...review, status: { authenticated: true, user: userInfo(user), audiences: [...audiences] } };
  } catch (error) {
    return { ...review, status: { authenticated: false, user: {}, error: errorMessage(error) } };
  }
}

function userInfo(user: UserInfo): { username: string; groups: string[]; uid?: string; extra?: Record<string, string[]> } {
  const extra = user.extra && Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]]));
  return {
    username: user.name,
    groups: [...user.groups],
    ...(user.uid !== undefined && { uid: user.uid }),
    ...(extra && { extra }),
  };
}
