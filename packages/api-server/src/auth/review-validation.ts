import { badRequest } from '@keelson/api';
import type { LocalSubjectAccessReview, SubjectAccessReviewSpec } from '@keelson/api/authorization/v1';
import { invalidValue } from '../validation/errors.ts';
import { invalid, type FieldError } from '../validation/field-error.ts';

const GROUP = 'authorization.k8s.io';
const RESOURCE = 'spec.resourceAttributes';
const PATH = 'spec.nonResourceAttributes';

/** What is asked in a review of the caller's own rights. Throws `Invalid`. */
export function checkedSelf(spec: Partial<SubjectAccessReviewSpec> | undefined): SubjectAccessReviewSpec {
  return checked('SelfSubjectAccessReview', spec, attributeErrors(spec ?? {}));
}

/** What is asked in a review of anybody's rights. Throws `Invalid`. */
export function checkedSubject(spec: Partial<SubjectAccessReviewSpec> | undefined): SubjectAccessReviewSpec {
  return checked('SubjectAccessReview', spec, [...attributeErrors(spec ?? {}), ...userErrors(spec ?? {})]);
}

/** As `checkedSubject`, within the namespace that the request is in. Throws `BadRequest` if another is asked for. */
export function checkedLocal(
  { spec }: Partial<LocalSubjectAccessReview>,
  namespace: string | undefined,
): SubjectAccessReviewSpec {
  const errors = [...attributeErrors(spec ?? {}), ...userErrors(spec ?? {})];
  if (spec?.nonResourceAttributes)
    errors.push(invalidValue(PATH, spec.nonResourceAttributes, 'disallowed on this kind of request'));
  const asked = checked('LocalSubjectAccessReview', spec, errors);
  if (asked.resourceAttributes?.namespace === namespace) return asked;
  throw badRequest(`${RESOURCE}.namespace must match namespace: ${namespace ?? ''}`);
}

function checked(
  kind: string,
  spec: Partial<SubjectAccessReviewSpec> | undefined,
  errors: readonly FieldError[],
): SubjectAccessReviewSpec {
  if (errors.length > 0) throw invalid({ group: GROUP, kind, name: '' }, errors);
  return spec ?? {};
}

function attributeErrors({ resourceAttributes, nonResourceAttributes }: Partial<SubjectAccessReviewSpec>): FieldError[] {
  if (resourceAttributes && nonResourceAttributes) {
    return [invalidValue(PATH, nonResourceAttributes, 'cannot be specified in combination with resourceAttributes')];
  }
  if (resourceAttributes || nonResourceAttributes) return [];
  return [invalidValue(RESOURCE, null, 'exactly one of nonResourceAttributes or resourceAttributes must be specified')];
}

function userErrors({ user, groups }: Partial<SubjectAccessReviewSpec>): FieldError[] {
  if (user || (groups?.length ?? 0) > 0) return [];
  return [invalidValue('spec.user', user ?? '', 'at least one of user or group must be specified')];
}
