import { KeelsonError } from '@keelson/base';
import type { LmdbTables } from './lmdb-tables.ts';

/** Takes a file from the format before to this one. Runs in one transaction with the change of the number. */
export interface Migration {
  readonly to: number;
  readonly run: (tables: LmdbTables) => void;
}

/** In order, without gaps. The first format was 1, so the first migration leads to 2. */
export const MIGRATIONS: readonly Migration[] = [];

/** The format that this package writes. */
export function formatOf(migrations: readonly Migration[] = MIGRATIONS): number {
  return migrations.at(-1)?.to ?? 1;
}

/** Takes a file that is not new to the present format. Throws if its format is newer; then nothing has changed. */
export function migrate(tables: LmdbTables, migrations: readonly Migration[] = MIGRATIONS): void {
  const { root, meta } = tables;
  const format = meta.get('format') ?? 1;
  const newest = formatOf(migrations);
  if (format > newest)
    throw new KeelsonError('ServiceUnavailable', `its format is ${format}, but this version knows only formats up to ${newest}`);
  const missing = migrations.filter(({ to }) => to > format);
  if (missing.length === 0) return;
  root.transactionSync(() => {
    for (const { run } of missing) run(tables);
    meta.putSync('format', newest);
  });
}
