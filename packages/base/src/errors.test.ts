import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { STATUS_CODES } from './errors.ts';

it('has an entry in the reference for each reason, with its code', async () => {
  const text = await readFile(join(import.meta.dirname, '../../../docs/reference/errors.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `(\w+)` \| (\d+) \| \S.* \| \S.* \|$/gm)];

  expect(Object.fromEntries(rows.map(([, reason, code]) => [reason, Number(code)]))).toEqual(STATUS_CODES);
});
