import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack, type Header } from 'tar-stream';

export type TestEntry = Partial<Omit<Header, 'size'>> & { readonly name: string; readonly content?: string };

/** A layer: a tar archive of these entries. */
export async function layerOf(entries: readonly TestEntry[]): Promise<Buffer> {
  return archiveOf(
    entries.map(({ content = '', ...header }) => ({ header: { mode: 0o644, mtime: new Date(0), ...header }, content })),
  );
}

async function archiveOf(
  entries: readonly { readonly header: Partial<Header> & { readonly name: string }; readonly content: string | Buffer }[],
): Promise<Buffer> {
  const archive = pack();
  for (const { header, content } of entries) archive.entry(header, content);
  archive.finalize();
  return buffer(archive);
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export function configOf(layers: readonly Uint8Array[], config: object = {}): Buffer {
  const rootfs = { type: 'layers', diff_ids: layers.map(digestOf) };
  return Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config, rootfs }));
}

export interface TestArchive {
  readonly tags: readonly string[];
  readonly layers: readonly Buffer[];
  readonly config?: object;
  /** Instead of the right ones. */
  readonly diffIds?: readonly string[];
}

/** What `docker save` writes. */
export async function dockerArchive({ tags, layers, config, diffIds }: TestArchive): Promise<Buffer> {
  const right = configOf(layers, config);
  const file = diffIds ? Buffer.from(JSON.stringify({ rootfs: { diff_ids: diffIds } })) : right;
  const manifest = [{ Config: 'config.json', RepoTags: tags, Layers: layers.map((_layer, index) => `${index}/layer.tar`) }];
  return archiveOf([
    ...layers.map((content, index) => ({ header: { name: `${index}/layer.tar` }, content })),
    { header: { name: 'config.json' }, content: file },
    { header: { name: 'manifest.json' }, content: JSON.stringify(manifest) },
  ]);
}

export interface TestLayout {
  readonly tag: string;
  /** As they are in the layout. */
  readonly layers: readonly Buffer[];
  /** The same, uncompressed. */
  readonly diffIds: readonly Buffer[];
}

/** An OCI layout in a directory. */
export async function ociLayout(directory: string, { tag, layers, diffIds }: TestLayout): Promise<void> {
  const blobs = join(directory, 'blobs/sha256');
  await mkdir(blobs, { recursive: true });
  const put = async (content: Buffer) => {
    const digest = digestOf(content);
    await writeFile(join(blobs, digest.slice(7)), content);
    return { digest, size: content.length };
  };
  const config = await put(configOf(diffIds));
  const manifest = await put(
    Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers: await Promise.all(layers.map(put)) })),
  );
  const annotations = { 'org.opencontainers.image.ref.name': tag };
  await writeFile(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }));
}
