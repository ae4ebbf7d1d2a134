import { isQualifiedName } from '@keelson/api';
import type { JobSpec, PodFailurePolicyRule, SuccessPolicyRule } from '@keelson/api/batch/v1';
import { asSent } from '../../validation/as-sent.ts';
import { checkNonNegative, checkText } from '../../validation/checks.ts';
import { checkEach, type Field, Unique } from '../../validation/field.ts';
import { countIndexes, parseIndexes } from './index-intervals.ts';

const ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const OPERATORS = ['In', 'NotIn'];
const STATUSES = ['False', 'True', 'Unknown'];
const MAX_RULES = 20;
const MAX_EXIT_CODES = 255;
const MAX_PATTERNS = 20;
const MAX_INDEXES_BYTES = 64 * 1024;

/** What a failed pod means for the Job. */
export function checkFailurePolicy(spec: JobSpec, parent: Field): void {
  const at = parent.child('podFailurePolicy');
  const rules = spec.podFailurePolicy?.rules ?? [];
  if (rules.length > MAX_RULES) at.child('rules').tooMany(rules.length, MAX_RULES);
  const pod = spec.template?.spec;
  const containers = new Set([...(pod?.containers ?? []), ...(pod?.initContainers ?? [])].map(({ name }) => name));
  checkEach(rules, at, 'rules', (rule, ruleAt) => {
    checkAction(rule.action, spec, ruleAt.child('action'));
    if (rule.onExitCodes !== undefined) checkExitCodes(rule.onExitCodes, containers, ruleAt.child('onExitCodes'));
    checkConditions(rule, ruleAt);
    const hasConditions = (rule.onPodConditions ?? []).length > 0;
    if (rule.onExitCodes !== undefined && hasConditions)
      ruleAt.invalidAsIs('specifying both OnExitCodes and OnPodConditions is not supported');
    if (rule.onExitCodes === undefined && !hasConditions)
      ruleAt.invalidAsIs('specifying one of OnExitCodes and OnPodConditions is required');
  });
}

function listed(values: readonly string[]): string {
  return `valid values: [${values.map((value) => JSON.stringify(value)).join(' ')}]`;
}

/** As `checkChoice`, naming the choices also if nothing was chosen. */
function checkListed(value: string | undefined, supported: readonly string[], at: Field): void {
  if (value === undefined || value === '') at.required(listed(supported));
  else if (!supported.includes(value)) at.notSupported(value, supported);
}

function checkAction(action: string | undefined, spec: JobSpec, at: Field): void {
  checkListed(action, ACTIONS, at);
  if (action === 'FailIndex' && spec.backoffLimitPerIndex === undefined)
    at.invalid(action, 'requires the backoffLimitPerIndex to be set');
}

function checkExitCodes(
  codes: NonNullable<PodFailurePolicyRule['onExitCodes']>,
  containers: ReadonlySet<string>,
  at: Field,
): void {
  const { operator, containerName, values = [] } = asSent(codes);
  checkListed(operator, OPERATORS, at.child('operator'));
  if (containerName !== undefined && !containers.has(containerName)) {
    at.child('containerName').invalid(containerName, 'must be one of the container or initContainer names in the pod template');
  }
  const list = at.child('values');
  if (values.length === 0) list.invalid(codes.values ?? null, 'at least one value is required');
  else if (values.length > MAX_EXIT_CODES) list.tooMany(values.length, MAX_EXIT_CODES);
  const unique = new Unique();
  checkEach(values, at, 'values', (code, codeAt) => {
    if (operator === 'In' && code === 0) codeAt.invalid(code, 'must not be 0 for the In operator');
    if (!unique.add(String(code))) codeAt.duplicate(code);
  });
  if (values.some((code, position) => position > 0 && (values[position - 1] ?? code) > code))
    list.invalid(values, 'must be ordered');
}

function checkConditions({ onPodConditions = [] }: PodFailurePolicyRule, at: Field): void {
  if (onPodConditions.length > MAX_PATTERNS) at.child('onPodConditions').tooMany(onPodConditions.length, MAX_PATTERNS);
  checkEach(onPodConditions, at, 'onPodConditions', (pattern, patternAt) => {
    checkText(isQualifiedName, pattern.type ?? '', patternAt.child('type'));
    checkListed(pattern.status, STATUSES, patternAt.child('status'));
  });
}

/** When the Job has succeeded though not all of its indexes have. */
export function checkSuccessPolicy(spec: JobSpec, parent: Field): void {
  const at = parent.child('successPolicy');
  const policy = spec.successPolicy;
  if (policy === undefined) return;
  if (spec.completionMode !== 'Indexed') return at.invalid(policy, 'requires indexed completion mode');
  const rules = policy.rules ?? [];
  if (rules.length === 0) at.child('rules').required('at least one rules must be specified when the successPolicy is specified');
  if (rules.length > MAX_RULES) at.child('rules').tooMany(rules.length, MAX_RULES);
  checkEach(rules, at, 'rules', (rule, ruleAt) => checkSuccessRule(rule, spec.completions ?? 0, ruleAt));
}

function checkSuccessRule(rule: SuccessPolicyRule, completions: number, at: Field): void {
  const { succeededCount, succeededIndexes } = rule;
  if (succeededCount === undefined && succeededIndexes === undefined)
    at.required('at least one of succeededCount or succeededIndexes must be specified');
  const named =
    succeededIndexes === undefined ? undefined : countNamed(succeededIndexes, completions, at.child('succeededIndexes'));
  if (succeededCount === undefined) return;
  checkNonNegative(succeededCount, at, 'succeededCount');
  const most = (count: number, what: string): void =>
    at.child('succeededCount').invalid(succeededCount, `must be less than or equal to ${count} (the number of ${what})`);
  if (succeededCount > completions) most(completions, 'specified completions');
  if (named !== undefined && succeededCount > named) most(named, 'indexes in the specified succeededIndexes field');
}

function countNamed(text: string, completions: number, at: Field): number {
  if (text.length > MAX_INDEXES_BYTES) at.tooLong(MAX_INDEXES_BYTES);
  const parsed = parseIndexes(text, completions);
  if (typeof parsed !== 'string') return countIndexes(parsed.intervals);
  at.invalid(text, `error parsing succeededIndexes: ${parsed}`);
  return 0;
}
