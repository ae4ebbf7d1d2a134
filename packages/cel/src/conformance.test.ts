import { describe, expect, it } from 'vitest';
import { compile } from './compile.ts';
import { loadCel } from './syntax/library.ts';
import { environment } from './environment.ts';
import { conformanceCases, type ConformanceCase } from './testing/conformance-cases.ts';
import { equal } from './values/equality.ts';

await loadCel();

/** Cases that fail, and why. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  // Names in backticks are not switched on in Kubernetes, which escapes names instead; the parser does not know them.
  fields: [
    'quoted_map_fields/field_access_slash',
    'quoted_map_fields/field_access_dash',
    'quoted_map_fields/field_access_dot',
    'quoted_map_fields/has_field_slash',
    'quoted_map_fields/has_field_dash',
    'quoted_map_fields/has_field_dot',
  ],
  // Types are no values for the library's `format`.
  string_ext: ['format/type() support for string'],
};

describe('the conformance suite of CEL', () => {
  it.each([...conformanceCases()])('passes in %s', (suite, cases) => {
    const failed = cases.flatMap((each) => {
      const problem = problemWith(each);
      return problem === undefined ? [] : [`${each.name}: ${problem}`];
    });

    expect(failed.map((text) => text.split(': ')[0]).toSorted(), failed.join('\n')).toEqual([...(KNOWN[suite] ?? [])].toSorted());
  });

  it('is run: what is left out is what Kubernetes does not have', () => {
    const count = [...conformanceCases().values()].reduce((sum, cases) => sum + cases.length, 0);

    expect(count).toBeGreaterThan(1_000);
  });
});

function problemWith({ expression, variables, bindings, expected }: ConformanceCase): string | undefined {
  const compiled = compile(expression, { ...environment(Object.fromEntries(variables)), mixedLiterals: true });
  if ('errors' in compiled) return expected === undefined ? undefined : compiled.errors;
  const outcome = compiled.program.evaluate(bindings);
  if (outcome.kind === 'failure') return expected === undefined ? undefined : outcome.message;
  if (expected === undefined) return 'should have failed';
  const bothNaN = Number.isNaN(expected) && Number.isNaN(outcome.value);
  return bothNaN || equal(outcome.value, expected) ? undefined : `got ${String(outcome.value)}`;
}
