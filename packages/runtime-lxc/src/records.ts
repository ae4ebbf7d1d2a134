import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ContainerConfig, PodIdentity, SandboxConfig } from '@keelson/runtime';

/** What is kept of a sandbox, in a file beside its other files. */
export interface SandboxRecord {
  readonly id: string;
  readonly config: SandboxConfig;
  readonly createdAtMs: number;
  /** Absolute, from the root of each hierarchy. */
  readonly cgroup: string;
  readonly ips: readonly string[];
}

/** What is kept of a container. */
export interface ContainerRecord {
  readonly id: string;
  readonly sandboxId: string;
  readonly pod: PodIdentity;
  readonly name: string;
  readonly attempt: number;
  readonly image: string;
  readonly imageId: string;
  /** The image's files. */
  readonly tree: string;
  /** Of images that are mounted into it. */
  readonly mountedTrees?: readonly string[];
  readonly createdAtMs: number;
  readonly labels: ContainerConfig['labels'];
  readonly annotations: ContainerConfig['annotations'];
  readonly cgroup: string;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly stopSignal: string;
  readonly user: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  /** A bit for each, as a decimal number. */
  readonly capabilities: string;
  readonly noNewPrivileges: boolean;
  readonly workingDir: string;
  readonly env: readonly string[];
  /** Its processes don't end with the first one, since it has no process namespace of its own. */
  readonly sharesPids: boolean;
}

const RECORD = 'record.json';

/** The last thing to be written: what has no record is half made. */
export async function writeRecord(directory: string, record: SandboxRecord | ContainerRecord): Promise<void> {
  await writeWhole(join(directory, RECORD), JSON.stringify(record));
}

export async function writeWhole(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, content);
  await rename(`${path}.new`, path);
}

export interface Found<T> {
  readonly records: readonly T[];
  /** Names of what was never finished. */
  readonly halves: readonly string[];
}

/** Everything in a directory of sandboxes or containers, once, when the runtime starts. */
export function readRecords<T extends { readonly id: string }>(parent: string): Found<T> {
  const records: T[] = [];
  const halves: string[] = [];
  for (const name of namesIn(parent)) {
    const record = readRecord<T>(join(parent, name, RECORD));
    if (record?.id === name) records.push(record);
    else halves.push(name);
  }
  return { records, halves };
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function readRecord<T>(path: string): T | undefined {
  try {
    // Written by the functions above, by this or an earlier version.
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch {
    return undefined;
  }
}
