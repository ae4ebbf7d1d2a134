import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@keelson/api-server';

/** What tells the cluster of this data directory from others on the same machine; made at the first start. */
export async function clusterId(dataDir: string): Promise<string> {
  const file = join(dataDir, 'cluster-id');
  if (existsSync(file)) return (await readFile(file, 'utf8')).trim();
  const id = randomBytes(6).toString('hex');
  await writeFileAtomic(file, `${id}\n`, 0o644);
  return id;
}
