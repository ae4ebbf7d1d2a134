import { KeelsonError } from '@keelson/base';

/** One condition on one field of an object. */
export interface FieldTerm {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** Reads `metadata.name=x,status.phase!=Running`; `\,`, `\=` and `\\` stand for themselves. Throws `BadRequest`. */
export function parseFieldSelector(text: string): readonly FieldTerm[] {
  return splitUnescaped(text)
    .filter((term) => term !== '')
    .map((term) => parseTerm(term, text));
}

function parseTerm(term: string, text: string): FieldTerm {
  const found = /^(.*?)(!=|==|=)(.*)$/s.exec(term);
  if (!found) throw new KeelsonError('BadRequest', `invalid selector: '${text}'; can't understand '${term}'`);
  const [, field = '', operator, value = ''] = found;
  return { field, operator: operator === '!=' ? '!=' : '=', value: unescaped(value) };
}

function splitUnescaped(text: string): string[] {
  return text.match(/(?:[^\\,]|\\.|\\$)+/gs) ?? [];
}

function unescaped(value: string): string {
  return value.replaceAll(/\\(.?)|=/gs, (part, escaped: string | undefined) => {
    if (escaped === undefined) refuse(`unescaped character in value: ${part.charCodeAt(0)}`);
    if (escaped === '\\' || escaped === ',' || escaped === '=') return escaped;
    return refuse(`invalid escape sequence: ${part}`);
  });
}

function refuse(why: string): never {
  throw new KeelsonError('BadRequest', `invalid field selector: ${why}`);
}

/** True if all terms hold of `fields`; a field that is not there counts as empty. */
export function matchesFields(terms: readonly FieldTerm[], fields: Readonly<Record<string, string>>): boolean {
  return terms.every(({ field, operator, value }) => {
    const have = Object.hasOwn(fields, field) ? fields[field] : '';
    return (have === value) === (operator === '=');
  });
}
