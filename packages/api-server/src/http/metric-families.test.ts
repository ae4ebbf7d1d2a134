import { describe, expect, it } from 'vitest';
import { startTestApiServer } from '../testing.ts';
import { joinFamilies } from './metric-families.ts';

describe('joinFamilies', () => {
  it('tells of a family once, whoever measures it', () => {
    const one = '# HELP a Of a.\n# TYPE a counter\na{x="1"} 1\n# HELP b Of b.\n# TYPE b gauge\nb 2\n';
    const other = '# HELP a Of a, too.\n# TYPE a counter\na{x="2"} 3\n';

    expect(joinFamilies([one, '', other])).toBe(
      '# HELP a Of a.\n# TYPE a counter\na{x="1"} 1\na{x="2"} 3\n# HELP b Of b.\n# TYPE b gauge\nb 2\n',
    );
  });

  it('is empty for nothing', () => {
    expect(joinFamilies(['', ''])).toBe('');
  });
});

it('holds for all that an API server measures', async () => {
  await using api = await startTestApiServer({ http: true });

  const text = await (await fetch(`${api.url}/metrics`)).text();

  const types = text.split('\n').filter((line) => line.startsWith('# TYPE'));
  expect(types.length).toBeGreaterThan(20);
  expect(types.map((line) => line.split(' ')[2])).toEqual([...new Set(types.map((line) => line.split(' ')[2]))]);
});
