import type { ServiceMap } from './service-map.ts';

/** A way to get the packets of Services to their endpoints. Calls never overlap. */
export interface ProxyMode {
  readonly name: string;
  /**
   * Makes the node's packet path equal to `desired`; does nothing for what has not changed. `full` says to look at what is really there
   * too, in case someone else took something away. Rejects if the node's state is unknown afterwards; the next call then starts afresh.
   */
  sync(desired: ServiceMap, options?: SyncOptions): Promise<SyncReport>;
  /** Ends what runs in this process. What the kernel does by itself goes on, so that a restart is not noticed. */
  close(): Promise<void>;
  /** Removes everything that this mode has put on the node, now or in an earlier life, and nothing else. Closes it as well. */
  cleanup(): Promise<void>;
}

export interface SyncOptions {
  readonly full?: boolean;
}

export interface SyncReport {
  /** Whether anything was different. */
  readonly changed: boolean;
  /** What is not served as it should be. All else is. */
  readonly problems: readonly SyncProblem[];
}

export interface SyncProblem {
  /** The key of the service port; undefined if it is about the node as a whole. */
  readonly service?: string;
  readonly message: string;
  /** True if trying again soon is of no use, since someone has to change something first. */
  readonly lasting?: boolean;
}
