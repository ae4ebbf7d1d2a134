import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { KeelsonError } from '@keelson/base';
import { writeWhole } from '../records.ts';
import { imagesIn } from './archives.ts';
import { uncompressed } from './compression.ts';
import type { ImageConfigFile, ImageRecord } from './image-record.ts';
import type { ImageSource } from './image-source.ts';
import { familiarReference, parseReference } from './reference.ts';
import { unpackLayer } from './unpack.ts';

const run = promisify(execFile);

/**
 * Images on disk: for each a record, and the unpacked files of its layers as one tree, in which containers are overlaid. Images with the same
 * lowest layers share their files (by hard links). Several processes may use it at the same time.
 */
export class ImageStore {
  readonly directory: string;
  #last: Promise<unknown> = Promise.resolve();
  /** What was read last, as long as nobody puts something into the directory or takes it out. Forgotten with each change of our own. */
  #known: { readonly atNs: bigint; readonly records: readonly ImageRecord[] } | undefined;

  constructor(directory: string) {
    this.directory = directory;
  }

  async list(): Promise<readonly ImageRecord[]> {
    const atNs = (await stat(this.#records, { bigint: true }).catch(() => undefined))?.mtimeNs ?? 0n;
    if (this.#known?.atNs === atNs) return this.#known.records;
    const records = await this.#readAll();
    this.#known = { atNs, records };
    return records;
  }

  async #readAll(): Promise<readonly ImageRecord[]> {
    const names = await readdir(this.#records).catch(() => []);
    const records = await Promise.all(names.filter((name) => /^[0-9a-f]{64}$/.test(name)).map((name) => this.#read(name)));
    return records.filter((record) => record !== undefined);
  }

  /** By its id, the beginning of it, a tag or a digest. */
  async find(reference: string): Promise<ImageRecord | undefined> {
    const all = await this.list();
    const byId = all.find(({ id }) => id === reference);
    if (byId) return byId;
    const names = namesOf(reference);
    const byName = all.find(({ repoTags, repoDigests }) => [...repoTags, ...repoDigests].some((name) => names.includes(name)));
    if (byName || !/^(sha256:)?[0-9a-f]{12,64}$/.test(reference)) return byName;
    const begins = all.filter(({ id }) => id.startsWith(reference.startsWith('sha256:') ? reference : `sha256:${reference}`));
    return begins.length === 1 ? begins[0] : undefined;
  }

  /** Where the files of an image are. */
  treeOf({ tree }: Pick<ImageRecord, 'tree'>): string {
    return join(this.#trees, tree);
  }

  /** Takes in the images of a file or directory: see `imagesIn`. */
  async import(path: string, name?: string): Promise<readonly ImageRecord[]> {
    const workDir = await this.#scratch();
    try {
      const records: ImageRecord[] = [];
      for (const source of await imagesIn(path, workDir, name)) records.push(await this.add(source));
      return records;
    } finally {
      await rm(workDir, { recursive: true, force: true });
    }
  }

  /** One at a time: two images often have the same layers. Tags are taken from whatever had them. */
  add(source: ImageSource): Promise<ImageRecord> {
    const added = this.#last.then(() => this.#add(source));
    this.#last = added.catch(() => undefined);
    return added;
  }

  /** Removes a name of an image, and with the last name, or by its id, the image. Its files go with the last user of them. */
  async remove(reference: string, treesInUse: () => ReadonlySet<string>): Promise<void> {
    const record = await this.find(reference);
    if (!record) return;
    const names = namesOf(reference);
    const repoTags = record.repoTags.filter((name) => !names.includes(name));
    const repoDigests = record.repoDigests.filter((name) => !names.includes(name));
    const isNamed = reference !== record.id && names.length > 0 && repoTags.length > 0;
    if (isNamed && repoTags.length < record.repoTags.length) await this.#write({ ...record, repoTags, repoDigests });
    else await rm(join(this.#records, hexOf(record.id)), { force: true });
    this.#known = undefined;
    await this.sweep(treesInUse);
  }

  /** Removes files that no image and no container has any more. */
  async sweep(treesInUse: () => ReadonlySet<string>): Promise<void> {
    const swept = this.#last.then(async () => {
      const kept = new Set((await this.list()).map(({ tree }) => tree));
      const names = await readdir(this.#trees).catch(() => []);
      const inUse = treesInUse();
      for (const name of names) {
        if (kept.has(name) || inUse.has(this.treeOf({ tree: name }))) continue;
        await rm(join(this.#trees, name), { recursive: true, force: true });
      }
    });
    this.#last = swept.catch(() => undefined);
    await swept;
  }

  get #records(): string {
    return join(this.directory, 'records');
  }

  get #trees(): string {
    return join(this.directory, 'trees');
  }

  async #add(source: ImageSource): Promise<ImageRecord> {
    const id = `sha256:${createHash('sha256').update(source.config).digest('hex')}`;
    const { config = {}, rootfs } = parseConfig(source.config);
    const repoTags = source.repoTags.map((tag) => familiarReference(parseReference(tag)));
    const known = await this.#read(hexOf(id));
    const unpacked = known ?? (await this.#unpack(source, rootfs?.diff_ids));
    const { diffIds, tree, sizeBytes } = unpacked;
    const record: ImageRecord = {
      id: known?.id ?? (rootfs?.diff_ids ? id : idOfPlain(diffIds)),
      repoTags: union(known?.repoTags, repoTags),
      repoDigests: union(known?.repoDigests, source.repoDigests),
      config,
      diffIds,
      tree,
      sizeBytes,
    };
    await this.#takeTags(record);
    await this.#write(record);
    return record;
  }

  async #takeTags({ id, repoTags }: ImageRecord): Promise<void> {
    for (const other of await this.list()) {
      const left = other.repoTags.filter((tag) => !repoTags.includes(tag));
      if (other.id !== id && left.length < other.repoTags.length) await this.#write({ ...other, repoTags: left });
    }
  }

  async #unpack(
    { layers }: ImageSource,
    wanted: readonly string[] | undefined,
  ): Promise<Pick<ImageRecord, 'diffIds' | 'tree' | 'sizeBytes'>> {
    if (wanted && wanted.length !== layers.length)
      throw new KeelsonError('BadRequest', `The image has ${layers.length} layers, and its configuration names ${wanted.length}`);
    const base = wanted ? await this.#longestBase(wanted) : undefined;
    const scratch = await this.#scratch();
    const draft = join(scratch, 'tree');
    try {
      // Hard links to the files of an image that begins the same way; what this one changes is replaced, never written to.
      if (base) await run('cp', ['-al', this.treeOf(base), draft]);
      else await mkdir(draft, { mode: 0o755 });
      const diffIds: string[] = [...(base?.diffIds ?? [])];
      let sizeBytes = base?.sizeBytes ?? 0;
      for (const open of layers.slice(diffIds.length)) {
        const layer = await unpackLayer(await uncompressed(await open()), draft);
        const expected = wanted?.[diffIds.length];
        if (expected !== undefined && expected !== layer.diffId)
          throw new KeelsonError(
            'BadRequest',
            `A layer of the image is not what it should be: ${layer.diffId} instead of ${expected}`,
          );
        diffIds.push(layer.diffId);
        sizeBytes += layer.sizeBytes;
      }
      const tree = chainOf(diffIds);
      await mkdir(this.#trees, { recursive: true });
      await rename(draft, join(this.#trees, tree)).catch(ignoreExisting);
      return { diffIds, tree, sizeBytes };
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  async #longestBase(diffIds: readonly string[]): Promise<ImageRecord | undefined> {
    const begins = (await this.list()).filter((image) => image.diffIds.every((diffId, index) => diffId === diffIds[index]));
    return begins.toSorted((one, other) => other.diffIds.length - one.diffIds.length)[0];
  }

  async #scratch(): Promise<string> {
    const path = join(this.directory, 'scratch', `${process.pid}-${randomBytes(4).toString('hex')}`);
    await mkdir(path, { recursive: true });
    return path;
  }

  async #read(name: string): Promise<ImageRecord | undefined> {
    const text = await readFile(join(this.#records, name), 'utf8').catch(() => undefined);
    // Written by this class, by this or an earlier version.
    return text === undefined ? undefined : (JSON.parse(text) as ImageRecord);
  }

  async #write(record: ImageRecord): Promise<void> {
    await writeWhole(join(this.#records, hexOf(record.id)), JSON.stringify(record));
    this.#known = undefined;
  }
}

/** How a reference may be listed; none if it is no name. */
function namesOf(reference: string): readonly string[] {
  try {
    return [familiarReference(parseReference(reference))];
  } catch {
    return [];
  }
}

function parseConfig(bytes: Buffer): ImageConfigFile {
  try {
    // Of a form that is fixed by Docker and the OCI.
    return JSON.parse(bytes.toString()) as ImageConfigFile;
  } catch (cause) {
    throw new KeelsonError('BadRequest', 'The configuration of the image is no JSON', { cause });
  }
}

/** Short: it is part of the options of a mount. */
function chainOf(diffIds: readonly string[]): string {
  return createHash('sha256').update(diffIds.join(' ')).digest('hex').slice(0, 24);
}

/** A plain archive has no configuration of its own to take the digest of. */
function idOfPlain(diffIds: readonly string[]): string {
  return `sha256:${createHash('sha256')
    .update(`plain ${diffIds.join(' ')}`)
    .digest('hex')}`;
}

function hexOf(id: string): string {
  return id.replace(/^sha256:/, '');
}

function union(one: readonly string[] = [], other: readonly string[]): readonly string[] {
  return [...new Set([...one, ...other])];
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
}
