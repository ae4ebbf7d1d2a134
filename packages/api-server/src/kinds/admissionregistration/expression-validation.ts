import type { MatchCondition } from '@keelson/api/admissionregistration/v1';
import { compile, type Environment, type TypeKind } from '@keelson/cel';
import { isQualifiedName } from '@keelson/api';
import { checkEach, Unique, type Field } from '../../validation/field.ts';

/** An expression that must be there, and give one of the types; any, if there are none. */
export function checkExpression(
  text: string | undefined,
  at: Field,
  {
    world,
    types = [],
    what = 'expression',
  }: { readonly world: Environment; readonly types?: readonly TypeKind[]; readonly what?: string },
): void {
  if (text === undefined || text.trim() === '') return at.required(`${what} is not specified`);
  const compiled = compile(text, world);
  if ('errors' in compiled) return at.invalid(text, `compilation failed: ${compiled.errors}`);
  const { kind } = compiled.resultType;
  if (types.length === 0 || kind === 'dyn' || types.includes(kind)) return;
  at.invalid(text, types.length === 1 ? `must evaluate to ${types[0]}` : `must evaluate to one of [${types.join(' ')}]`);
}

const MAX_CONDITIONS = 64;

/** Conditions under which a webhook or policy is asked. */
export function checkMatchConditions(conditions: readonly MatchCondition[] | undefined, parent: Field, world: Environment): void {
  if ((conditions?.length ?? 0) > MAX_CONDITIONS)
    parent.child('matchConditions').tooMany(conditions?.length ?? 0, MAX_CONDITIONS);
  const names = new Unique();
  checkEach(conditions, parent, 'matchConditions', ({ name, expression }, at) => {
    if ((expression ?? '').trim() === '') at.child('expression').required();
    else checkExpression(expression, at.child('expression'), { world, types: ['bool'] });
    if ((name ?? '') === '') return at.child('name').required();
    for (const fault of isQualifiedName(name)) at.child('name').invalid(name, fault);
    if (!names.add(name)) at.child('name').duplicate(name);
  });
}
