import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Harness } from './harness.ts';

const LINES = ['one', 'two', 'three'];

export function describeStreams(harness: Harness): void {
  const logOf = async (id: string, options: { tailLines?: number; sinceMs?: number; timestamps?: boolean } = {}) =>
    text(await harness.runtime.logs(id, { follow: false, timestamps: false, ...options }));

  describe('logs', () => {
    let id: string;
    let endedAtMs: number;

    beforeAll(async () => {
      ({ id } = await harness.start(harness.programs.ending('main', 0, LINES)));
      endedAtMs = (await harness.ended(id)).finishedAtMs;
    });

    it('keeps what a container wrote, also after its end', async () => {
      expect(await logOf(id)).toBe('one\ntwo\nthree\n');
    });

    it.each([
      { tailLines: 2, want: 'two\nthree\n' },
      { tailLines: 0, want: '' },
      { tailLines: 9, want: 'one\ntwo\nthree\n' },
    ])('gives the last $tailLines lines', async ({ tailLines, want }) => {
      expect(await logOf(id, { tailLines })).toBe(want);
    });

    it('puts the time before each line', async () => {
      const lines = (await logOf(id, { timestamps: true })).trimEnd().split('\n');

      expect(lines).toHaveLength(3);
      for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z \w+$/);
    });

    it('leaves out what is older than asked for', async () => {
      expect(await logOf(id, { sinceMs: endedAtMs + 60_000 })).toBe('');
      expect(await logOf(id, { sinceMs: endedAtMs - 60_000 })).toBe('one\ntwo\nthree\n');
    });
  });

  describe('commands in containers', () => {
    let id: string;

    beforeAll(async () => {
      ({ id } = await harness.start(harness.programs.patient('main')));
    });

    it('runs one to its end', async () => {
      const { exitCode, stdout } = await harness.runtime.execSync(id, ['echo', 'hello', 'there'], 60_000);
      const failed = await harness.runtime.execSync(id, ['sh', '-c', 'exit 5'], 60_000);

      expect(Buffer.from(stdout).toString()).toBe('hello there\n');
      expect([exitCode, failed.exitCode]).toEqual([0, 5]);
    });

    it('gives a command the environment of its container', async () => {
      const { stdout } = await harness.runtime.execSync(id, ['env'], 60_000);

      expect(Buffer.from(stdout).toString().split('\n')).toContain('COLOUR=blue = green');
    });

    it('gives its streams and its exit code', async () => {
      const session = await harness.runtime.exec(id, ['echo', 'hello'], { stdin: false, tty: false });
      session.stderr?.resume();

      expect(await text(session.stdout)).toBe('hello\n');
      expect(await session.exitCode).toBe(0);
    });

    it('measures what runs', async () => {
      const stats = (await harness.runtime.stats()).find(({ containerId }) => containerId === id);

      expect(stats?.atMs).toBeGreaterThan(0);
    });

    it('refuses a container that does not run', async () => {
      const { id: gone } = await harness.start(harness.programs.ending('main', 0, []));
      await harness.ended(gone);

      await expect(harness.runtime.execSync(gone, ['true'], 60_000)).rejects.toMatchObject({ reason: 'BadRequest' });
    });
  });

  describe('images', () => {
    it('finds one by its name and by its id, and lists it', async () => {
      const image = await harness.runtime.images.find(harness.image);

      expect(image?.repoTags).toContain(harness.image);
      expect(await harness.runtime.images.find(image?.id ?? '')).toMatchObject({ id: image?.id });
      expect((await harness.runtime.images.list()).map(({ id }) => id)).toContain(image?.id);
    });

    it('says so if one is not there', async () => {
      expect(await harness.runtime.images.find('keelson.test/missing:1')).toBeUndefined();
    });
  });
}
