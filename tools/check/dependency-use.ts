import { importedByBundle, importsOf, isTestFile, packageOf, type Project, sourcesOf } from './workspace.ts';

/** Dependencies that nothing imports; that what is imported is declared, `boundaries.ts` checks. */
export function checkDependencies(project: Project): string[] {
  const { dir, manifest } = project;
  const used = { everywhere: new Set<string>(), outsideTests: new Set<string>() };
  for (const name of importedByBundle(project)) used.outsideTests.add(name);
  for (const file of sourcesOf(project)) {
    for (const name of importsOf(file).map(packageOf)) {
      used.everywhere.add(name);
      if (!isTestFile(file)) used.outsideTests.add(name);
    }
  }
  const unused = (names: object | undefined, by: ReadonlySet<string>): string[] =>
    Object.keys(names ?? {}).filter((name) => !by.has(name.replace(/^@types\//, '')));
  return [
    ...unused(manifest.dependencies, used.outsideTests).map((name) =>
      used.everywhere.has(name) ? `"${name}" is for tests only: a devDependency` : `nothing imports the dependency "${name}"`,
    ),
    ...unused(manifest.devDependencies, used.everywhere).map((name) => `nothing imports the devDependency "${name}"`),
  ].map((problem) => `${dir}/package.json: ${problem}`);
}
