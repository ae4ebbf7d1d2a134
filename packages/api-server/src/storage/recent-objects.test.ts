import { expect, it } from 'vitest';
import { RecentObjects } from './recent-objects.ts';

const MEBIBYTE = 1024 * 1024;

it.each([
  { title: 'as many as there is room for', sizes: Array.from({ length: 20 }, () => 10), want: 8 },
  { title: 'fewer if they are large', sizes: Array.from({ length: 20 }, () => MEBIBYTE), want: 4 },
  { title: 'the last one however large it is', sizes: [10, 10, 10, 100 * MEBIBYTE], want: 1 },
  { title: 'small ones again after a large one', sizes: [100 * MEBIBYTE, 10, 10], want: 2 },
])('holds $title', ({ sizes, want }) => {
  const recent = new RecentObjects(8);

  for (const bytes of sizes) recent.remember({ kind: 'Pod' }, bytes);

  expect(recent.size).toBe(want);
});
