import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { KeelsonError } from '@keelson/base';
import { extract } from 'tar-stream';
import { uncompressed } from './compression.ts';
import { forThisMachine, type Descriptor, type ImageSource, type Manifest } from './image-source.ts';

interface DockerManifest {
  readonly Config: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Layers: readonly string[];
}

const NAME_ANNOTATIONS = ['io.containerd.image.name', 'org.opencontainers.image.ref.name'];

/**
 * The images in a file of `docker save`, in an OCI layout (a directory, or an archive of one), or in a plain archive of a root file system, which
 * is called `name`. What has to be unpacked is put in `workDir`.
 */
export async function imagesIn(path: string, workDir: string, name?: string): Promise<readonly ImageSource[]> {
  if ((await stat(path)).isDirectory()) return imagesOfLayout(path, name);
  if (!(await isImageArchive(path))) {
    if (name === undefined) throw new KeelsonError('BadRequest', `"${path}" has files and no image: give it a name`);
    return [plainImage(path, name)];
  }
  await unpackArchive(path, workDir);
  return existsSync(join(workDir, 'manifest.json')) ? imagesOfDocker(workDir, name) : imagesOfLayout(workDir, name);
}

/** What an archive has at its top says what it is. */
async function isImageArchive(path: string): Promise<boolean> {
  const entries = extract();
  const archive = await uncompressed(createReadStream(path));
  const reading = pipeline(archive, entries).catch(() => undefined);
  try {
    for await (const entry of entries) {
      const name = normalize(entry.header.name);
      if (name === 'manifest.json' || name === 'index.json' || name === 'oci-layout') return true;
      entry.resume();
    }
    return false;
  } finally {
    entries.destroy();
    archive.destroy();
    await reading;
  }
}

async function unpackArchive(path: string, directory: string): Promise<void> {
  const entries = extract();
  const reading = pipeline(await uncompressed(createReadStream(path)), entries);
  reading.catch(() => undefined); // Ends the entries too.
  for await (const entry of entries) {
    const place = join(directory, inside(entry.header.name));
    if (entry.header.type === 'file') {
      await mkdir(dirname(place), { recursive: true });
      await pipeline(entry, createWriteStream(place));
    } else if (entry.header.type === 'symlink') {
      // Older Dockers save a layer that they have saved already as a link to it.
      await mkdir(dirname(place), { recursive: true });
      const target = join(directory, inside(join(dirname(entry.header.name), entry.header.linkname ?? '')));
      await pipeline(createReadStream(target), createWriteStream(place));
      entry.resume();
    } else entry.resume();
  }
  await reading;
}

function inside(name: string): string {
  const path = normalize(name);
  if (path.startsWith('..') || path.startsWith('/'))
    throw new KeelsonError('BadRequest', `The archive leads out of itself: "${name}"`);
  return path;
}

async function imagesOfDocker(directory: string, name: string | undefined): Promise<readonly ImageSource[]> {
  const manifests = await readJson<readonly DockerManifest[]>(join(directory, 'manifest.json'));
  return Promise.all(
    manifests.map(async ({ Config, RepoTags, Layers }) => ({
      config: await readFile(join(directory, inside(Config))),
      layers: Layers.map((layer) => () => Promise.resolve(createReadStream(join(directory, inside(layer))))),
      repoTags: name === undefined ? (RepoTags ?? []) : [name],
      repoDigests: [],
    })),
  );
}

async function imagesOfLayout(directory: string, name: string | undefined): Promise<readonly ImageSource[]> {
  const { manifests = [] } = await readJson<Manifest>(join(directory, 'index.json'));
  return Promise.all(manifests.map((descriptor) => imageOfLayout(directory, descriptor, name)));
}

async function imageOfLayout(directory: string, descriptor: Descriptor, name: string | undefined): Promise<ImageSource> {
  const manifest = await readJson<Manifest>(blobIn(directory, descriptor));
  if (manifest.manifests) {
    const one = forThisMachine(manifest.manifests);
    if (!one) throw new KeelsonError('NotFound', `The layout "${directory}" has no image for this machine`);
    return imageOfLayout(directory, { ...one, annotations: { ...descriptor.annotations, ...one.annotations } }, name);
  }
  if (!manifest.config) throw new KeelsonError('BadRequest', `The layout "${directory}" has a manifest without a configuration`);
  const named = NAME_ANNOTATIONS.map((key) => descriptor.annotations?.[key]).find((each) => each?.includes(':'));
  const tag = name ?? named;
  return {
    config: await readFile(blobIn(directory, manifest.config)),
    layers: (manifest.layers ?? []).map((layer) => () => Promise.resolve(createReadStream(blobIn(directory, layer)))),
    repoTags: tag === undefined ? [] : [tag],
    repoDigests: [],
  };
}

function blobIn(directory: string, { digest }: Descriptor): string {
  const [algorithm = '', hex = ''] = digest.split(':');
  if (!/^\w+$/.test(algorithm) || !/^[0-9a-f]+$/.test(hex)) throw new KeelsonError('BadRequest', `not a digest: "${digest}"`);
  return join(directory, 'blobs', algorithm, hex);
}

function plainImage(path: string, name: string): ImageSource {
  const config = { architecture: process.arch, os: 'linux', config: { Cmd: ['/bin/sh'] }, rootfs: { type: 'layers' } };
  return {
    config: Buffer.from(JSON.stringify(config)),
    layers: [() => Promise.resolve(createReadStream(path))],
    repoTags: [name],
    repoDigests: [],
  };
}

async function readJson<T>(path: string): Promise<T> {
  try {
    // Of a form that is fixed by Docker and the OCI; a field that is missing shows where it is used.
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch (cause) {
    throw new KeelsonError('BadRequest', `"${path}" is not what an image has there`, { cause });
  }
}
