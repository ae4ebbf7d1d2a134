import { expect, it } from 'vitest';
import { revisionOf } from './revision-content.ts';

it('has the keys of its data in order, whatever order the template has', () => {
  const template = { spec: { containers: [{ name: 'c', image: 'nginx' }] }, metadata: { labels: { b: '2', a: '1' } } };

  const { data } = revisionOf({ metadata: { name: 'web' } }, template, { hashLabel: 'hash', collisionCount: 0, number: 1 });

  expect(JSON.stringify(data)).toBe(
    '{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"a":"1","b":"2"}},"spec":{"containers":[{"image":"nginx","name":"c"}]}}}}',
  );
});
