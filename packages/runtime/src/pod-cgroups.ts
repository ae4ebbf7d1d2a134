import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

const CGROUPS = '/sys/fs/cgroup';

/**
 * The name of a pod's cgroup as the engine's driver wants it: a path for `cgroupfs`, a slice for `systemd`, whose name says where it is
 * (`a-b.slice` is in `a.slice`).
 */
export function cgroupParentFor(driver: string | undefined, root: string, path: string): string {
  const parts = [...root.split('/'), ...path.split('/')].filter((part) => part !== '');
  if (driver !== 'systemd') return `/${parts.join('/')}`;
  return `${parts.map((part) => part.replaceAll('-', '_')).join('-')}.slice`;
}

/**
 * Removes the cgroup that a pod's containers had, which the engine leaves behind, in every hierarchy. Does nothing for slices, for
 * engines elsewhere, and without the right to.
 */
export async function removeCgroup(parent: string): Promise<void> {
  if (!parent.startsWith('/') || parent.includes('..')) return;
  const hierarchies = await readdir(CGROUPS).catch((): string[] => []);
  const places = ['', ...hierarchies].map((hierarchy) => join(CGROUPS, hierarchy, parent));
  // Only an empty one can be removed: what still has a process or a child stays.
  await Promise.all(places.map((place) => rmdir(place).catch(() => undefined)));
}
