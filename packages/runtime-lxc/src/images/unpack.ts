import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream, type Stats } from 'node:fs';
import { chmod, lchown, link, lstat, lutimes, mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { KeelsonError } from '@keelson/base';
import { extract, type Extract, type Header } from 'tar-stream';
import { resolveInRoot } from '../config/root-path.ts';

const run = promisify(execFile);
type Entry = Extract extends AsyncIterable<infer Source> ? Source : never;

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';

export interface Unpacked {
  /** `sha256:...` of the archive, uncompressed. */
  readonly diffId: string;
  readonly sizeBytes: number;
}

/**
 * Puts a layer, an uncompressed tar archive, over a tree of files: what it marks as removed goes. Never writes through a file that is there,
 * since trees share files; and nothing in an archive reaches out of the tree. Needs root.
 */
export async function unpackLayer(archive: Readable, tree: string): Promise<Unpacked> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const layer = new LayerWriter(tree);
  const entries = extract();
  const reading = pipeline(
    archive,
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        sizeBytes += chunk.length;
        yield chunk;
      }
    },
    entries,
  );
  reading.catch(() => undefined); // Ends the entries too.
  for await (const entry of entries) await layer.put(entry);
  await reading;
  await layer.finish();
  return { diffId: `sha256:${hash.digest('hex')}`, sizeBytes };
}

class LayerWriter {
  readonly #tree: string;
  readonly #written = new Set<string>();
  /** Times of directories are set last: every file in them changes them. */
  readonly #times: { readonly path: string; readonly at: Date }[] = [];

  constructor(tree: string) {
    this.#tree = tree;
  }

  async put(entry: Entry): Promise<void> {
    const { header } = entry;
    const path = this.#place(header.name);
    const name = basename(path);
    if (name === OPAQUE) await this.#clear(dirname(path));
    else if (name.startsWith(WHITEOUT))
      await rm(join(dirname(path), name.slice(WHITEOUT.length)), { recursive: true, force: true });
    else {
      this.#written.add(path);
      await this.#write(path, entry);
    }
    entry.resume();
  }

  async finish(): Promise<void> {
    for (const { path, at } of this.#times.toReversed()) await lutimes(path, at, at).catch(() => undefined);
  }

  /** Symbolic links on the way are followed inside the tree; the last part is the entry itself. */
  #place(name: string): string {
    const parts = name.split('/').filter((part) => part !== '' && part !== '.');
    if (parts.includes('..')) throw new KeelsonError('BadRequest', `The layer has a path that leads out of it: "${name}"`);
    const last = parts.pop();
    if (last === undefined) return this.#tree;
    return join(this.#tree, resolveInRoot(this.#tree, parts.join('/')), last);
  }

  /** What lower layers have in a directory. */
  async #clear(directory: string): Promise<void> {
    for (const name of await readdir(directory).catch(() => []))
      if (!this.#written.has(join(directory, name))) await rm(join(directory, name), { recursive: true, force: true });
  }

  async #write(path: string, entry: Entry): Promise<void> {
    const { header } = entry;
    const there = await lstat(path).catch(() => undefined);
    if (there && !(there.isDirectory() && header.type === 'directory')) await rm(path, { recursive: true, force: true });
    // An archive need not have the directories of its files.
    if (!there) await mkdir(dirname(path), { recursive: true });
    await this.#make(path, entry, there);
    if (header.type === 'link') return;
    await lchown(path, header.uid, header.gid);
    if (header.type !== 'symlink') await chmod(path, header.mode & 0o7777);
    const at = header.mtime;
    if (header.type === 'directory') this.#times.push({ path, at });
    else await lutimes(path, at, at);
  }

  async #make(path: string, entry: Entry, there: Stats | undefined): Promise<void> {
    const { header } = entry;
    switch (header.type) {
      case 'directory':
        if (!there?.isDirectory()) await mkdir(path, { recursive: true });
        return;
      case 'symlink':
        return symlink(header.linkname, path);
      case 'link':
        return link(this.#place(header.linkname), path);
      case 'file':
      case 'contiguous-file':
        return pipeline(entry, createWriteStream(path, { flags: 'wx' }));
      case 'fifo':
        return void (await run('mkfifo', [path]));
      case 'character-device':
      case 'block-device':
        return makeDevice(path, header);
      default:
        throw new KeelsonError('BadRequest', `The layer has an entry of an unknown kind: "${header.name}"`);
    }
  }
}

async function makeDevice(path: string, { type, devmajor, devminor }: Header): Promise<void> {
  await run('mknod', [path, type === 'block-device' ? 'b' : 'c', String(devmajor), String(devminor)]);
}
