import { createHash } from 'node:crypto';
import type { Payload } from './atomic-writer.ts';

/** For so long what was written is taken to be there still: a pod is synced several times in the second in which it starts. */
const TRUSTED_MS = 60_000;

interface Written {
  readonly digest: string;
  readonly untilMs: number;
}

/** Which files were written for volumes of pods a short while ago, so that they need not be read again to see whether they are as they should be. */
export class WrittenPayloads {
  readonly #byPod = new Map<string, Map<string, Written>>();

  isFresh(uid: string, volume: string, payload: Payload, nowMs: number): boolean {
    const written = this.#byPod.get(uid)?.get(volume);
    return written !== undefined && written.untilMs > nowMs && written.digest === digestOf(payload);
  }

  note(uid: string, volume: string, payload: Payload, nowMs: number): void {
    const volumes = this.#byPod.get(uid) ?? new Map<string, Written>();
    this.#byPod.set(uid, volumes.set(volume, { digest: digestOf(payload), untilMs: nowMs + TRUSTED_MS }));
  }

  forget(uid: string): void {
    this.#byPod.delete(uid);
  }
}

function digestOf(payload: Payload): string {
  const hash = createHash('sha256');
  for (const [path, { content, mode, uid }] of payload) {
    hash.update(`${path}\0${mode}\0${uid ?? ''}\0${content.length}\0`).update(content);
  }
  return hash.digest('base64');
}
