import type { Readable } from 'node:stream';

/** An image that is to be taken in, wherever it is. */
export interface ImageSource {
  /** The bytes of its configuration. */
  readonly config: Buffer;
  /** As tar archives, compressed or not; the lowest first. Opened one at a time. */
  readonly layers: readonly (() => Promise<Readable>)[];
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
}

/** Of the index of an OCI layout, of a manifest list, and of what they name. */
export interface Descriptor {
  readonly mediaType?: string;
  readonly digest: string;
  readonly size?: number;
  readonly platform?: { readonly os?: string; readonly architecture?: string; readonly variant?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A manifest, or an index of them. */
export interface Manifest {
  readonly mediaType?: string;
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Of an index, the image for this machine; the only one, where it says nothing of machines. */
export function forThisMachine(manifests: readonly Descriptor[], architecture: string = process.arch): Descriptor | undefined {
  const wanted = ARCHITECTURES[architecture] ?? architecture;
  const fitting = manifests.find(({ platform }) => platform?.os === 'linux' && platform.architecture === wanted);
  return fitting ?? manifests.find(({ platform }) => platform === undefined);
}
