import { describe, expect, it } from 'vitest';
import { Course } from './course.ts';

describe('Course', () => {
  it.each([
    { text: '50', ageMs: 90_000, at: 50, sum: 50 * 90_000 },
    { text: '50 800@60 20@300', ageMs: 59_999, at: 50, sum: 50 * 59_999 },
    { text: '50 800@60 20@300', ageMs: 60_000, at: 800, sum: 50 * 60_000 },
    { text: '20@300 50 800@60', ageMs: 310_000, at: 20, sum: 50 * 60_000 + 800 * 240_000 + 20 * 10_000 },
    { text: '800@60', ageMs: 61_000, at: 800, sum: 7 * 60_000 + 800 * 1000 },
    { text: '0.5', ageMs: 2000, at: 0.5, sum: 1000 },
    { text: 'much', ageMs: 1000, at: 7, sum: 7000 },
    { text: '50 -3@60', ageMs: 1000, at: 7, sum: 7000 },
    { text: undefined, ageMs: 1000, at: 7, sum: 7000 },
  ])('reads "$text" at $ageMs ms', ({ text, ageMs, at, sum }) => {
    const course = Course.parse(text, 7);

    expect(course.at(ageMs)).toBe(at);
    expect(course.sum(ageMs)).toBe(sum);
  });
});
