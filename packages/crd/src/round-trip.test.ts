import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { customResource } from './custom-resource.ts';
import { generateTypes } from './generate-types.ts';
import { anything, intOrString, mapOf, quantity, setOf } from './markers.ts';

/** A schema, and the text that makes it. */
interface Written {
  readonly schema: z.ZodType;
  readonly text: string;
}

const scalars: readonly Written[] = [
  { schema: z.string(), text: 'z.string()' },
  { schema: z.string().min(1).max(10), text: 'z.string().min(1).max(10)' },
  { schema: z.iso.datetime(), text: 'z.iso.datetime()' },
  { schema: z.int(), text: 'z.int()' },
  { schema: z.number().min(0), text: 'z.number().min(0)' },
  { schema: z.boolean(), text: 'z.boolean()' },
  { schema: z.enum(['TCP', "it's"]), text: `z.enum(['TCP', "it's"])` },
  { schema: z.literal('only'), text: "z.literal('only')" },
  { schema: intOrString(), text: 'intOrString()' },
  { schema: quantity(), text: 'quantity()' },
  { schema: anything(), text: 'anything()' },
  { schema: setOf(z.string()), text: 'setOf(z.string())' },
  { schema: mapOf(z.object({ name: z.string() }), 'name'), text: "mapOf(z.object({ name: z.string() }), 'name')" },
];

const FIELDS = ['a', 'someField', 'with-dash', 'class', '$x', '1st'];

/** Any schema that a definition can say, up to some depth. */
const { written } = fc.letrec<{ written: Written; object: Written }>((tie) => ({
  written: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...scalars),
    tie('object'),
    tie('written').map(({ schema, text }) => ({ schema: z.array(schema), text: `z.array(${text})` })),
    tie('written').map(({ schema, text }) => ({ schema: z.record(z.string(), schema), text: `z.record(z.string(), ${text})` })),
    fc
      .constantFrom(...scalars.slice(0, 6))
      .map(({ schema, text }) => ({ schema: schema.nullable(), text: `${text}.nullable()` })),
  ),
  object: fc
    .uniqueArray(fc.tuple(fc.constantFrom(...FIELDS), tie('written'), fc.boolean()), {
      minLength: 1,
      maxLength: 4,
      selector: ([name]) => name,
    })
    .map((fields) => ({
      schema: z.object(
        Object.fromEntries(fields.map(([name, { schema }, optional]) => [name, optional ? schema.optional() : schema])),
      ),
      text: `z.object({ ${fields.map(([name, { text }, optional]) => `${JSON.stringify(name)}: ${text}${optional ? '.optional()' : ''}`).join(', ')} })`,
    })),
}));

const SAME = 'type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;';
const FLAT = 'type Flat<T> = T extends object ? { [K in keyof T]: Flat<T[K]> } : T;';
const IMPORTS = "import { z } from 'zod';\nimport { anything, intOrString, mapOf, quantity, setOf } from '../markers.ts';";

it('from TypeScript to a definition and back, any schema has the same type', () => {
  // All in one run of the compiler, which takes seconds; always the same ones.
  const samples = fc.sample(written, { numRuns: 80, seed: 20_261_126 });
  const directory = mkdtempSync(join(import.meta.dirname, '.generated-'));
  try {
    const checks = samples.map(({ schema, text }, at) => {
      const definition = customResource({
        group: 'example.com',
        kind: `Sample${at}`,
        spec: z.object({ value: schema }),
      }).definition();
      writeFileSync(join(directory, `sample-${at}.ts`), generateTypes(definition).get('v1') ?? '');
      return `import type { Sample${at} } from './sample-${at}.ts';
const schema${at} = ${text};
export const is${at}: Same<Flat<Sample${at}['spec']>, Flat<{ value: z.input<typeof schema${at}> }>> = true;`;
    });
    writeFileSync(join(directory, 'check.ts'), [IMPORTS, SAME, FLAT, ...checks].join('\n'));

    const tsc = join(import.meta.dirname, '../../../node_modules/typescript/bin/tsc');
    const options = ['--ignoreConfig', '--noEmit', '--strict', '--skipLibCheck', '--allowImportingTsExtensions'];
    const modules = ['--module', 'nodenext', '--target', 'es2024', '--customConditions', 'keelson-source', '--types', 'node'];
    const { status, stdout } = spawnSync(process.execPath, [tsc, ...options, ...modules, join(directory, 'check.ts')]);
    expect(`${status} ${stdout.toString()}`).toBe('0 ');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
