import type { PodIdentity, PortMapping } from './container-runtime.ts';

/** A sandbox that is to get a network. */
export interface NetworkRequest {
  readonly pod: PodIdentity;
  /** The sandbox's own id: one that is made anew has another. */
  readonly sandboxId: string;
  /** A file that is the sandbox's network namespace, such as `/proc/<pid>/ns/net` or one that `NetworkNamespaces` has pinned. */
  readonly namespacePath: string;
  readonly portMappings: readonly PortMapping[];
}

/** What a sandbox has got. */
export interface NetworkAttachment extends NetworkRequest {
  /** `unfinished`: somebody was killed while it was made or removed. It is of no use, and `remove` clears it away. */
  readonly state: 'attached' | 'unfinished';
  /** The interface in the sandbox, such as `eth0`. */
  readonly interfaceName: string;
  /** Without the length of their prefix. The first one is the pod's; the others are of other families or networks. Empty if unfinished. */
  readonly ips: readonly string[];
}

/** As in the `NetworkReady` condition of CRI runtimes. */
export type PodNetworkStatus =
  | { readonly ready: true }
  | { readonly ready: false; readonly reason: string; readonly message: string };

/**
 * Gives network namespaces of pods an interface, addresses, routes and host ports, and takes them away again. It does not make namespaces.
 *
 * What it has made is remembered outside of the process: one that was killed at any moment finds it again, and `remove` and `retain` clear
 * up behind it. Calls for one sandbox follow each other; those for different ones don't wait for each other.
 */
export interface PodNetwork {
  /** Whether sandboxes can be attached now, or why not. Never rejects. */
  status(signal?: AbortSignal): Promise<PodNetworkStatus>;

  /** The ranges out of which this node's pods get addresses, one for each family. What is attached stays as it is. */
  setPodCidrs(podCidrs: readonly string[]): Promise<void>;

  /**
   * Attaches a sandbox; whatever an earlier attempt left of the same one is removed first. Leaves nothing behind if it rejects: with
   * `ServiceUnavailable` if there is no network (yet), `Timeout` if it took too long, or `InternalError` with the network's own words.
   */
  add(request: NetworkRequest, signal?: AbortSignal): Promise<NetworkAttachment>;

  /** Rejects with `NotFound` if the sandbox is not attached, with `InternalError` if it is not attached as it was. */
  check(sandboxId: string, signal?: AbortSignal): Promise<void>;

  /** Gives up addresses, ports and all else of a sandbox, whose namespace may be gone. Idempotent. May be called again if it rejects. */
  remove(sandboxId: string, signal?: AbortSignal): Promise<void>;

  /** `undefined` if there is nothing of it, not even something unfinished. Cheap. */
  find(sandboxId: string): Promise<NetworkAttachment | undefined>;

  /**
   * Removes all sandboxes but those that are there. It asks which are once it knows what it has: what is attached meanwhile stays. Tries all
   * of them before it rejects with the first failure.
   */
  retain(sandboxes: () => Promise<ReadonlySet<string>>, signal?: AbortSignal): Promise<void>;
}
