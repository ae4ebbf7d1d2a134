import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseQuantity } from '@keelson/api';
import { errorMessage, type Logger, type TaskGroup } from '@keelson/base';
import type { Pod } from '@keelson/api/core/v1';
import type { Alarms } from '../alarms.ts';
import { podSubject } from '../event-subject.ts';
import { isCritical } from '../eviction/ranking.ts';
import type { EventSink } from '../ports.ts';
import { codeOf } from './pod-directories.ts';

interface Dependencies {
  readonly alarms: Alarms;
  readonly events: EventSink;
  readonly logger: Logger;
  readonly tasks: TaskGroup;
  readonly pods: () => readonly Pod[];
  /** Where the emptyDir of a pod is. */
  readonly directory: (uid: string, volume: string) => string;
  readonly evict: (uid: string, message: string) => void;
}

const PERIOD_MS = 10_000;
/** What `st_blocks` counts in. */
const BLOCK_BYTES = 512;

/** Looks every ten seconds at emptyDirs on disk that have a size limit, and ends pods that have gone beyond theirs. */
export class EmptyDirLimits {
  readonly #deps: Dependencies;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  start(): void {
    const { alarms, tasks } = this.#deps;
    alarms.set('emptyDir limits', PERIOD_MS, () => tasks.run('limits of emptyDirs', (signal) => this.#round(signal)));
  }

  async #round(signal: AbortSignal): Promise<void> {
    for (const pod of this.#deps.pods()) {
      if (signal.aborted) return;
      await this.#check(pod).catch((error: unknown) =>
        this.#deps.logger.warn('emptyDirs not measured', { pod: pod.metadata?.name, error: errorMessage(error) }),
      );
    }
    this.start();
  }

  async #check(pod: Pod): Promise<void> {
    const { uid = '' } = pod.metadata ?? {};
    for (const { name, emptyDir } of pod.spec?.volumes ?? []) {
      // The kernel minds those in memory.
      if (emptyDir?.sizeLimit === undefined || emptyDir.medium === 'Memory' || isCritical(pod)) continue;
      const limitBytes = Number(parseQuantity(emptyDir.sizeLimit).value());
      const usedBytes = await usedBy(this.#deps.directory(uid, name), new Set());
      if (limitBytes === 0 || usedBytes <= limitBytes) continue;
      const message = `Usage of EmptyDir volume "${name}" exceeds the limit "${emptyDir.sizeLimit}". `;
      this.#deps.events.event(podSubject(pod), 'Warning', 'Evicted', message);
      this.#deps.evict(uid, message);
      return;
    }
  }
}

/** Bytes on disk below a path, each file once however many names it has. What vanishes meanwhile does not count. */
async function usedBy(path: string, seen: Set<string>): Promise<number> {
  const found = await lstat(path).catch(unlessGone);
  if (!found) return 0;
  const key = `${found.dev}/${found.ino}`;
  if (seen.has(key)) return 0;
  if (found.nlink > 1) seen.add(key);
  let bytes = found.blocks * BLOCK_BYTES;
  if (!found.isDirectory()) return bytes;
  for (const name of (await readdir(path).catch(unlessGone)) ?? []) bytes += await usedBy(join(path, name), seen);
  return bytes;
}

function unlessGone(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error;
}
