import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadNetworkConfig, parseNetworkConfig } from './network-config.ts';

const LIST = { cniVersion: '1.0.0', name: 'net', plugins: [{ type: 'bridge' }] };

describe('parseNetworkConfig', () => {
  it('takes a plugin that stands alone for a list of one', () => {
    const config = { cniVersion: '0.4.0', name: 'net', type: 'bridge', bridge: 'br0' };

    expect(parseNetworkConfig(JSON.stringify(config))).toEqual({ cniVersion: '0.4.0', name: 'net', plugins: [config] });
  });

  it('takes the newest version that both know', () => {
    const config = { ...LIST, cniVersions: ['1.0.0', '1.1.0', '9.0.0'] };

    expect(parseNetworkConfig(JSON.stringify(config)).cniVersion).toBe('1.1.0');
  });

  it.each([
    { text: '{', words: 'it is no JSON' },
    { text: '[]', words: 'it is no object' },
    { text: JSON.stringify({ ...LIST, name: 'a/b' }), words: '"name"' },
    { text: JSON.stringify({ ...LIST, plugins: [] }), words: '"plugins"' },
    { text: JSON.stringify({ cniVersion: '1.0.0', name: 'net' }), words: 'neither "plugins" nor a "type"' },
    { text: JSON.stringify({ ...LIST, plugins: [{ type: '../sh' }] }), words: '"type"' },
    { text: JSON.stringify({ ...LIST, cniVersion: '0.1.0' }), words: '"cniVersion" is "0.1.0"' },
  ])('refuses $text', ({ text, words }) => {
    expect(() => parseNetworkConfig(text)).toThrow(words);
  });
});

describe('loadNetworkConfig', () => {
  function directoryWith(files: Readonly<Record<string, string>>): string {
    const directory = mkdtempSync(join(tmpdir(), 'keelson-net.d-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    return directory;
  }

  it('takes the first file by name, of those that are configurations', async () => {
    const directory = directoryWith({
      '05-notes.txt': 'hello',
      '20-b.conflist': JSON.stringify({ ...LIST, name: 'b' }),
      '10-a.conf': JSON.stringify({ cniVersion: '1.0.0', name: 'a', type: 'ptp' }),
    });

    expect(await loadNetworkConfig(directory)).toMatchObject({ name: 'a' });
  });

  it('finds none where there is none', async () => {
    expect(await loadNetworkConfig(directoryWith({}))).toBeUndefined();
    expect(await loadNetworkConfig('/nowhere/at/all')).toBeUndefined();
  });

  it('says which file cannot be used, and does not go on to the next', async () => {
    const directory = directoryWith({ '10-a.conf': '{', '20-b.conflist': JSON.stringify(LIST) });

    await expect(loadNetworkConfig(directory)).rejects.toMatchObject({
      reason: 'ServiceUnavailable',
      message: expect.stringContaining('10-a.conf'),
    });
  });
});
