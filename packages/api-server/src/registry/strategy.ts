import type { KubernetesObject } from '@keelson/api';
import type { Guard, Write } from '@keelson/store';
import type { FieldError } from '../validation/field-error.ts';

/** Who asks. */
export interface UserInfo {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** What a strategy may know of the request that it serves. */
export interface StrategyContext {
  readonly user: UserInfo;
  readonly nowMs: number;
  readonly dryRun: boolean;
  readonly namespace: string | undefined;
}

/** Writes and guards that go into the same commit as the object, so that a crash can never part them. */
export interface Companions {
  readonly writes: readonly Write[];
  readonly guards: readonly Guard[];
}

/**
 * What tables cannot say of a kind. Every member may be left out. All objects that are passed as `object` are private to the request
 * and are changed in place until they are validated; `old` is frozen. What an update leaves as it was is then the same object in both.
 *
 * Order on create: setDefaults, prepareForCreate, mutating admission, setDefaults, allocate, validate, validating admission, companions, commit.
 * Order on update: prepareForUpdate, setDefaults, mutating admission, setDefaults, allocate, validate and validateUpdate, validating admission, companions, commit.
 */
export interface Strategy<T extends KubernetesObject = KubernetesObject> {
  /** Loads what the other members need; waited for before an object is written. */
  load?(): Promise<void>;
  /** Upstream's `SetDefaults_*` of this kind and all that is in it. Idempotent. */
  setDefaults?(object: T): void;
  /** After the generic part (metadata that the server owns, empty status) is done. Drops or sets what the client may not. */
  prepareForCreate?(object: T, context: StrategyContext): void;
  /** For the main resource; the generic part has already put the old status back. */
  prepareForUpdate?(object: T, old: Readonly<T>, context: StrategyContext): void;
  /** For `/status`; the generic part has already put everything back but the status and `statusMetadata`. */
  prepareForStatusUpdate?(object: T, old: Readonly<T>, context: StrategyContext): void;
  /** Everything that must hold of an object, except metadata, which is checked generically by `nameRule`. `old` is absent on creation. */
  validate?(object: T, context: StrategyContext, old?: Readonly<T>): readonly FieldError[];
  /** What must hold in addition to `validate` for a new object. */
  validateCreate?(object: T, context: StrategyContext): readonly FieldError[];
  /** What must hold in addition to `validate` for a change. */
  validateUpdate?(object: T, old: Readonly<T>, context: StrategyContext): readonly FieldError[];
  validateStatusUpdate?(object: T, old: Readonly<T>, context: StrategyContext): readonly FieldError[];
  /** Chooses what must be unique in the cluster (service IPs, node ports). May look at other objects. Not undone on failure: choosing reserves nothing. */
  allocate?(object: T, old: Readonly<T> | undefined, context: StrategyContext): Promise<void>;
  /** `object` is absent on deletion, `old` on creation. The guards make two requests that chose the same value conflict; the loser starts again at `allocate`. */
  companions?(object: T | undefined, old: Readonly<T> | undefined): Companions;
  /** Warnings for the client. */
  warnings?(object: T, old: Readonly<T> | undefined): readonly string[];
  /** What else changes in an object when its deletion begins; it stays while it has finalizers, also those that are added here. */
  beginDeletion?(object: T, context: StrategyContext): void;
  /** True if an object that is being deleted is kept by something else than the finalizers in its metadata. */
  isHeldBack?(object: Readonly<T>): boolean;
  /**
   * Graceful deletion: the seconds of grace, given what the client asked for. 0 deletes at once. Kinds without it are deleted at once.
   */
  gracePeriodSeconds?(object: T, requestedSeconds: number | undefined): number;
  /** True if this change counts as one of the desired state. Default: spec differs (for kinds with a spec and a generation). */
  generationChanged?(object: T, old: Readonly<T>): boolean;
  /** Values of field selectors that are not simply the path of that name. */
  readonly fieldValues?: Readonly<Record<string, (object: T) => string>>;
  readonly nameRule?: NameRule;
  /** What of the metadata `/status` can change besides the status. All of them if absent. */
  readonly statusMetadata?: readonly StatusMetadata[];
  /** A client may give a status to a new object. Default false. */
  readonly keepsStatusOnCreate?: boolean;
  /** PUT to a name that does not exist creates it. */
  readonly allowCreateOnUpdate?: boolean;
  /** PUT without a resourceVersion is accepted. Default true. */
  readonly allowUnconditionalUpdate?: boolean;
  /** What becomes of dependents if the client does not say. Default `Background`. */
  readonly defaultPropagation?: 'Background' | 'Orphan';
  /**
   * False if the kind has no `metadata.generation`, `after-change` if it has one from its first change on. Default: it has one if it has a
   * spec and a status.
   */
  readonly hasGeneration?: boolean | 'after-change';
}

/** Metadata that clients write, and not the server. */
export type StatusMetadata = 'labels' | 'annotations' | 'finalizers' | 'ownerReferences';

/** What `/status` can change of the metadata of most kinds: controllers that may only write the status keep objects by their finalizers. */
export const STATUS_METADATA: readonly StatusMetadata[] = ['labels', 'annotations', 'finalizers', 'ownerReferences'];

/** How names of a kind are checked: RFC 1123 subdomain (the default), RFC 1123 label, RFC 1035 label, or any path segment. */
export type NameRule = 'dns-subdomain' | 'dns-label' | 'dns-1035-label' | 'path-segment';
