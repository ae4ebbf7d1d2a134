// Checks what would be published: packs each package that is not private, and looks at the tarballs as those would who install them:
// publint, are-the-types-wrong, declared against used dependencies, and a project that has them all installed, type-checks against every
// entry point, loads it, and runs the first example of each README. Needs the outputs of `tsc -b`. Prints each problem and exits with 1 if there is any.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkDependencies } from './dependency-use.ts';
import { checkInstalled } from './installed.ts';
import { removeStaleOutputs } from './stale-outputs.ts';
import { checkTarball, readTarball, type Tarball } from './tarball.ts';
import { readProjects, root, type Project } from './workspace.ts';

/** One `npm` for all: each start of it costs more than the packing. */
function pack(projects: readonly Project[], directory: string): Tarball[] {
  const workspaces = projects.flatMap(({ dir }) => ['--workspace', dir]);
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', directory, ...workspaces];
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`npm pack failed:\n${stderr}`);
  const packed = JSON.parse(stdout) as readonly { readonly name: string; readonly filename: string }[];
  return projects.map((project) => {
    const found = packed.find(({ name }) => name === project.manifest.name);
    if (!found) throw new Error(`npm pack left out ${project.dir}`);
    return readTarball(project, join(directory, found.filename));
  });
}

async function check(directory: string): Promise<{ readonly count: number; readonly problems: readonly string[] }> {
  const projects = readProjects().filter(({ manifest }) => manifest.private !== true);
  for (const project of projects) removeStaleOutputs(project);
  const tarballs = pack(projects, directory);
  const problems = projects.flatMap(checkDependencies);
  for (const tarball of tarballs) problems.push(...(await checkTarball(tarball)));
  const installDirectory = join(directory, 'project');
  mkdirSync(installDirectory);
  return { count: projects.length, problems: [...problems, ...(await checkInstalled(tarballs, installDirectory))] };
}

const directory = mkdtempSync(join(tmpdir(), 'keelson-packages-'));
try {
  const { count, problems } = await check(directory);
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  process.stdout.write(`packages: ${count} packages, ${problems.length} problems\n`);
  process.exitCode = problems.length > 0 ? 1 : 0;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
