import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkInstalled } from './installed.ts';
import { checkTarball, readTarball, type Tarball } from './tarball.ts';

const MANIFEST = {
  name: '@keelson/sample',
  version: '1.0.0',
  description: 'A sample',
  license: 'Apache-2.0',
  type: 'module',
  files: ['dist', 'README.md'],
  exports: {
    '.': { 'keelson-source': './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' },
    './parts/*': { types: './dist/parts/*.d.ts', default: './dist/parts/*.js' },
  },
  engines: { node: '>=24' },
  publishConfig: { access: 'public' },
};
const FILES = {
  'README.md': '# Sample\n\n```ts\nimport "@keelson/sample";\n```\n',
  'dist/index.js': "export { one } from './parts/one.js';\n",
  'dist/index.d.ts': "export { one } from './parts/one.js';\n",
  'dist/parts/one.js': 'export const one = 1;\n',
  'dist/parts/one.d.ts': 'export declare const one = 1;\n',
};

function packed(changes: { manifest?: object; files?: Record<string, string> } = {}): { tarball: Tarball; directory: string } {
  const directory = mkdtempSync(join(tmpdir(), 'keelson-sample-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const files = { ...FILES, ...changes.files, 'package.json': JSON.stringify({ ...MANIFEST, ...changes.manifest }) };
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), text);
  }
  const { stdout } = spawnSync('npm', ['pack', '--json', '--ignore-scripts'], { cwd: directory, encoding: 'utf8' });
  const [pack] = JSON.parse(stdout) as [{ filename: string }];
  const tarball = readTarball({ dir: 'packages/sample', manifest: MANIFEST }, join(directory, pack.filename));
  mkdirSync(join(directory, 'project'));
  return { tarball, directory: join(directory, 'project') };
}

describe('the check of packages', { timeout: 240_000 }, () => {
  it('finds nothing wrong with a sound package, and expands its patterns', async () => {
    const { tarball, directory } = packed();

    expect(tarball.entryPoints).toEqual(['.', './parts/one']);
    expect(await checkTarball(tarball)).toEqual([]);
    expect(await checkInstalled([tarball], directory)).toEqual([]);
  });

  it('finds a file that is exported but not there, and what is missing of the manifest', async () => {
    const { tarball } = packed({
      manifest: { license: undefined, exports: { '.': { types: './dist/none.d.ts', default: './dist/index.js' } } },
    });

    const problems = await checkTarball(tarball);

    expect(problems).toContain('packages/sample: package.json has no "license"');
    expect(problems.join()).toContain('./dist/none.d.ts');
    expect(problems.join()).toContain('types: ');
  });

  it('finds tests that would be published', async () => {
    const { tarball } = packed({ files: { 'dist/one.test.js': '' } });

    expect(await checkTarball(tarball)).toEqual(['packages/sample: dist/one.test.js would be published']);
  });

  it('finds an example that does not type-check, or does not run', async () => {
    const example = 'import { one } from "@keelson/sample";\nconst two: string = one;\nthrow new Error(`not ${two}`);\n';
    const { tarball, directory } = packed({ files: { 'README.md': `# Sample\n\n\`\`\`ts\n${example}\`\`\`\n` } });

    const problems = (await checkInstalled([tarball], directory)).join('\n');

    expect(problems).toContain('examples/sample/README.ts(2,7): error');
    expect(problems).toMatch(/examples\/sample\/README\.ts: exited with 1: .*not 1/s);
  });

  it('finds a use of what is not declared, in types and when it is loaded', async () => {
    const { tarball, directory } = packed({
      files: {
        'dist/parts/one.js': "export { of as one } from 'rxjs';\n",
        'dist/parts/one.d.ts': "export { of as one } from 'rxjs';\n",
      },
    });

    const problems = (await checkInstalled([tarball], directory)).join('\n');

    expect(problems).toMatch(/one\.d\.ts.*Cannot find module 'rxjs'/);
    expect(problems).toContain("@keelson/sample/parts/one: Cannot find package 'rxjs'");
  });
});
