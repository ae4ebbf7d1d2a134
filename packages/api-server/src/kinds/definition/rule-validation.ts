import type { ValidationRule } from '@keelson/api/apiextensions/v1';
import type { StructuralSchema } from '../../structural/structural-schema.ts';
import { checkEach, type Field } from '../../validation/field.ts';
import { fieldAt } from './field-path.ts';

const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];
const NEWLINE = /[\n\r]/;

/** The form of `x-kubernetes-validations`; what their expressions mean is checked by whoever compiles them. */
export function checkRules(schema: StructuralSchema, at: Field): void {
  checkEach(schema['x-kubernetes-validations'], at, 'x-kubernetes-validations', (rule, place) => checkRule(schema, rule, place));
}

function checkRule(schema: StructuralSchema, given: ValidationRule, at: Field): void {
  const { rule = '', message = '', messageExpression = '', reason, fieldPath = '' } = given;
  const [text, shown] = [rule.trim(), message.trim()];
  if (text === '') at.child('rule').required('rule is not specified');
  else if (message !== '' && shown === '') at.child('message').invalid(message, 'must be non-empty if specified');
  else if (NEWLINE.test(shown)) at.child('message').invalid(message, 'must not contain line breaks');
  else if (NEWLINE.test(text) && shown === '')
    at.child('message').required('message must be specified if rule contains line breaks');
  if (messageExpression !== '' && messageExpression.trim() === '')
    at.child('messageExpression').required('messageExpression must be non-empty if specified');
  if (reason !== undefined && !REASONS.includes(reason)) at.child('reason').notSupported(reason, REASONS);
  if (fieldPath === '') return;
  const place = at.child('fieldPath');
  if (fieldPath.trim() === '') place.invalid(fieldPath, 'must be non-empty if specified');
  if (NEWLINE.test(fieldPath)) place.invalid(fieldPath, 'must not contain line breaks');
  if (typeof fieldAt(schema, fieldPath) === 'string') place.invalid(fieldPath, 'must be a valid path');
}
