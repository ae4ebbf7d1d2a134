/** What an image says of how it is to be run, as in its configuration. */
export interface ImageConfig {
  readonly User?: string;
  readonly Env?: readonly string[] | null;
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly WorkingDir?: string;
  readonly StopSignal?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>> | null;
}

/** The configuration of an image: what its id is the digest of. */
export interface ImageConfigFile {
  readonly architecture?: string;
  readonly os?: string;
  readonly config?: ImageConfig;
  readonly rootfs?: { readonly diff_ids?: readonly string[] };
}

/** An image of the store. */
export interface ImageRecord {
  /** `sha256:...` of its configuration. */
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly config: ImageConfig;
  /** Of what is in the layers, the lowest first. */
  readonly diffIds: readonly string[];
  /** The name of the directory with its files. */
  readonly tree: string;
  readonly sizeBytes: number;
}
