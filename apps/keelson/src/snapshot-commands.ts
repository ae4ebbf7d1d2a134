import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { KeelsonError } from '@keelson/base';
import { restoreSnapshot, saveSnapshot, snapshotStatus, type SnapshotStatus } from '@keelson/store';
import { lockDirectory } from './data-directory.ts';

/** Where a data directory has its store. */
const storeOf = (dataDir: string): string => join(dataDir, 'store');

/** Saves what the cluster of this data directory has in its store; also while it runs. */
export async function save(dataDir: string, file: string): Promise<string> {
  return `saved ${file}\n${table(await saveSnapshot(storeOf(dataDir), file))}`;
}

/**
 * Makes a store of a snapshot in a data directory that has none. Keys and certificates are not in a snapshot: a data directory that
 * still has its own goes on with them; in another one, new ones are made at its start.
 */
export async function restore(dataDir: string, file: string, bumpRevision: number | undefined): Promise<string> {
  await using _lock = await lockDirectory(dataDir);
  if (existsSync(storeOf(dataDir)))
    throw new KeelsonError('AlreadyExists', `Cannot restore: "${storeOf(dataDir)}" has a store; move it away first`);
  const revision = await restoreSnapshot(file, storeOf(dataDir), bumpRevision === undefined ? {} : { bumpRevision });
  return `restored ${storeOf(dataDir)} at revision ${revision}\n`;
}

export async function status(file: string): Promise<string> {
  return table(await snapshotStatus(file));
}

function table({ sha256, revision, keys, sizeBytes }: SnapshotStatus): string {
  const rows = [
    ['SHA-256', 'REVISION', 'KEYS', 'SIZE'],
    [sha256, `${revision}`, `${keys}`, `${sizeBytes} B`],
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd() + '\n').join('');
}
