import { describe, expect, it } from 'vitest';
import { logLimitsOf } from './log-limits.ts';
import { World } from './testing/world.ts';

describe('limits of logs', () => {
  it('are left to the runtime where nothing is said', async () => {
    await using world = await World.start();

    expect(world.runtime.logLimits).toBeUndefined();
  });

  it('reach the runtime', async () => {
    await using world = await World.start({ containerLogMaxSize: '1Mi', containerLogMaxFiles: 3 });

    expect(world.runtime.logLimits).toEqual({ maxFileBytes: 1024 * 1024, maxFiles: 3 });
  });

  it('have defaults of their own', () => {
    expect(logLimitsOf({ containerLogMaxFiles: 2 })).toEqual({ maxFileBytes: 10 * 1024 * 1024, maxFiles: 2 });
  });

  it.each([
    { containerLogMaxFiles: 1 },
    { containerLogMaxFiles: 2.5 },
    { containerLogMaxSize: '0' },
    { containerLogMaxSize: '-1' },
  ])('refuse %o', (options) => {
    expect(() => logLimitsOf(options)).toThrow('invalid configuration: containerLogMax');
  });
});
