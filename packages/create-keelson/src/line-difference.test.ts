import fc from 'fast-check';
import { expect, it } from 'vitest';
import { lineDifference } from './line-difference.ts';

it.each([
  { before: 'a\nb', after: 'a\nc', want: '- b\n+ c\n' },
  { before: 'a\nb\nc', after: 'a\nc', want: '- b\n' },
  { before: 'a', after: 'x\na\ny', want: '+ x\n+ y\n' },
  { before: 'same\n', after: 'same\n', want: '' },
])('says what one text has and the other has not ($want)', ({ before, after, want }) => {
  expect(lineDifference(before, after)).toBe(want);
});

it('leaves as many lines in one text as in the other', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(text, text, (before, after) => {
      const lines = lineDifference(before.join('\n'), after.join('\n')).split('\n');
      const [gone, come] = ['- ', '+ '].map((mark) => lines.filter((line) => line.startsWith(mark)).length);

      expect(before.length - (gone ?? 0)).toBe(after.length - (come ?? 0));
    }),
  );
});
