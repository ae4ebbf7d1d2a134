import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NetworkRequest } from '../pod-network.ts';
import type { CniResult } from './cni-result.ts';
import type { NetworkConfig } from './network-config.ts';

/** All that is needed to take a sandbox off its networks again, whatever has become of the configuration since. */
export interface AttachmentRecord {
  readonly request: NetworkRequest;
  /** Of the namespace: a path such as `/proc/<pid>/ns/net` may come to mean another one. */
  readonly namespaceInode: number;
  /** In the order in which they were joined. Without a result while plugins are at work. */
  readonly networks: readonly JoinedNetwork[];
}

export interface JoinedNetwork {
  readonly interfaceName: string;
  readonly config: NetworkConfig;
  readonly result?: CniResult;
}

const SUFFIX = '.json';

/** A file for each attachment, so that they outlive the process. What cannot be read (a power cut) is known by its name alone. */
export class AttachmentFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async load(): Promise<ReadonlyMap<string, AttachmentRecord | undefined>> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const names = (await readdir(this.#directory)).filter((name) => name.endsWith(SUFFIX));
    const read = names.map(async (name) => [name.slice(0, -SUFFIX.length), await this.#read(name)] as const);
    return new Map(await Promise.all(read));
  }

  /** All of it, or what was there before. */
  async write(sandboxId: string, record: AttachmentRecord): Promise<void> {
    const path = join(this.#directory, sandboxId);
    await writeFile(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
    await rename(`${path}.new`, `${path}${SUFFIX}`);
  }

  async remove(sandboxId: string): Promise<void> {
    await rm(join(this.#directory, `${sandboxId}${SUFFIX}`), { force: true });
  }

  async #read(name: string): Promise<AttachmentRecord | undefined> {
    try {
      // Written by `write`, of this or an earlier version.
      const record = JSON.parse(await readFile(join(this.#directory, name), 'utf8')) as Partial<AttachmentRecord>;
      const { request, namespaceInode = 0, networks } = record;
      return request && networks ? { request, namespaceInode, networks } : undefined;
    } catch {
      return undefined;
    }
  }
}
