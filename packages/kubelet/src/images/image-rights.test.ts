import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jsonLogger, silentLogger } from '@keelson/base';
import type { ImageStatus, PullCredentials } from '@keelson/runtime';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ImageRights } from './image-rights.ts';

const image = (id: string): ImageStatus => ({ id, repoTags: [], repoDigests: [], sizeBytes: 1, user: '' });
const user = (username: string): PullCredentials => ({ username, password: 'p', serverAddress: 'r.example' });
const WEB = 'r.example:5000/team/web:1';

async function setUp() {
  const directory = await mkdtemp(join(tmpdir(), 'rights-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = join(directory, 'image-rights.json');
  const open = () => {
    const rights = new ImageRights({ logger: silentLogger, file });
    return {
      rights,
      pulled: async (id: string, reference: string, credentials?: PullCredentials, before?: string) => {
        await rights.begin('', reference);
        await rights.end('', reference, {
          before: before === undefined ? undefined : image(before),
          after: image(id),
          credentials,
        });
      },
      mayUse: (id: string, reference: string, credentials?: PullCredentials) =>
        rights.mayUse('', reference, image(id), async () => (credentials ? [credentials] : [])),
    };
  };
  return { file, open, ...open() };
}

describe('ImageRights', () => {
  it('gives an image to those who bring the credentials that it was pulled with, also after a restart', async () => {
    const { open, pulled } = await setUp();
    await pulled('1', WEB, user('a'));
    const { mayUse } = open();

    expect(await mayUse('1', WEB, user('a'))).toBe(true);
    expect(await mayUse('1', 'r.example:5000/team/web@sha256:1', user('a'))).toBe(true);
    expect(await mayUse('1', WEB, user('b'))).toBe(false);
    expect(await mayUse('1', WEB)).toBe(false);
    expect(await mayUse('1', 'sha256:1', user('a'))).toBe(false);
  });

  it('adds those who have pulled it too', async () => {
    const { mayUse, pulled } = await setUp();
    await pulled('1', WEB, user('a'));

    await pulled('1', WEB, user('b'), '1');

    expect(await mayUse('1', WEB, user('a'))).toBe(true);
    expect(await mayUse('1', WEB, user('b'))).toBe(true);
  });

  it('gives to all what was pulled without credentials, and asks for none then', async () => {
    const { pulled, rights } = await setUp();
    await pulled('1', WEB, user('a'));
    await pulled('1', 'public.example/web:1');

    const never = () => Promise.reject(new Error('nobody should ask'));

    expect(await rights.mayUse('', WEB, image('1'), never)).toBe(true);
  });

  it('leaves to all what was there before the kubelet pulled it', async () => {
    const { mayUse, pulled } = await setUp();

    await pulled('1', WEB, user('a'), '1');

    expect(await mayUse('1', WEB)).toBe(true);
    expect(await mayUse('2', 'other:1')).toBe(true);
  });

  it('gives to nobody what a pull has brought that was cut off before it was noted, until it is pulled again', async () => {
    const { open, rights } = await setUp();
    await rights.begin('', WEB);
    const next = open();

    expect(await next.mayUse('1', WEB)).toBe(false);
    expect(await next.mayUse('2', 'r.example:5000/team/web:2')).toBe(true);

    await next.pulled('1', WEB);
    expect(await next.mayUse('1', WEB)).toBe(true);
  });

  it('forgets a pull that failed, and images that are gone', async () => {
    const { mayUse, pulled, rights } = await setUp();
    await rights.begin('', WEB);
    await rights.end('', WEB);
    expect(await mayUse('1', WEB)).toBe(true);
    await pulled('1', WEB, user('a'));

    await rights.retain('', [image('2')]);

    expect(await mayUse('1', WEB)).toBe(true);
  });

  it('writes no credentials down, and for nobody else to read', async () => {
    const { file, pulled } = await setUp();

    await pulled('1', WEB, user('somebody'));

    expect(await readFile(file, 'utf8')).not.toContain('somebody');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('begins anew with a file that was cut off', async () => {
    const { file, open } = await setUp();
    await writeFile(file, '{"salt":');

    expect(await open().mayUse('1', WEB)).toBe(true);
  });

  it('says so when what was noted down cannot be read, but not when there is nothing yet', async () => {
    const { file } = await setUp();
    const lines: string[] = [];
    const logger = jsonLogger((line) => lines.push(line));
    const asked = () => new ImageRights({ logger, file }).mayUse('', WEB, image('1'), async () => []);

    await asked();
    const before = lines.length;
    await writeFile(file, '{"salt":');
    await asked();

    expect(before).toBe(0);
    expect(lines).toEqual([expect.stringContaining('rights to images are lost')]);
  });
});
