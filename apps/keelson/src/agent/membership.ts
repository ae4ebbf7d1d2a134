import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@keelson/api-server';
import { errorMessage, KeelsonError } from '@keelson/base';
import type { ClusterConfiguration } from '../cluster/joining.ts';

/** What a machine remembers of the cluster that it has joined, beside its certificates. */
export interface Membership {
  readonly servers: readonly string[];
  /** The cluster's authority, PEM. */
  readonly ca: string;
  readonly nodeName: string;
  /** As the cluster had it last. */
  readonly configuration: ClusterConfiguration;
}

/** What is remembered in a data directory; `undefined` if the machine has joined none. Rejects if that cannot be read. */
export async function loadMembership(dataDir: string): Promise<Membership | undefined> {
  const file = fileIn(dataDir);
  try {
    const text = await readFile(file, 'utf8');
    return JSON.parse(text) as Membership; // It is this program that has written it, at once.
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new KeelsonError('BadRequest', `Cannot read "${file}": ${errorMessage(cause)}`, { cause });
  }
}

export async function saveMembership(dataDir: string, membership: Membership): Promise<void> {
  await writeFileAtomic(fileIn(dataDir), `${JSON.stringify(membership, undefined, 2)}\n`, 0o600);
}

function fileIn(dataDir: string): string {
  return join(dataDir, 'agent.json');
}
