import type { ContainerStatus, Pod, PodSpec, Service } from '@keelson/api/core/v1';
import type { PodWorld } from './pod-world.ts';

/** What a runtime must be able to do for a case to make sense on it. */
export type Ability =
  /** Containers are real processes, with files of their own. */
  | 'processes'
  /** Pods have addresses that the node reaches. */
  | 'network'
  /** Limits are the kernel's. */
  | 'cgroups'
  /** And those of a pod as a whole. */
  | 'pod-cgroups'
  /** Users, capabilities, read-only roots, seccomp. */
  | 'security'
  /** Namespaces of the host, and one for processes that a pod's containers share. */
  | 'namespaces'
  /** Every port answers HTTP and gRPC health checks. */
  | 'answers'
  /** Missing images are told of by a registry, or by its absence. */
  | 'pulls';

/** What shall be seen of a pod. All of it has to come true at the same time; what is left out may be as it will. */
export interface Want {
  readonly phase?: string;
  readonly reason?: string;
  readonly message?: string | RegExp;
  /** By type: `True`, or `False/Reason`. */
  readonly conditions?: Readonly<Record<string, string>>;
  /** By name, of all sorts of containers; matched as vitest's `toMatchObject` does. */
  readonly containers?: Readonly<Record<string, ContainerWant>>;
  /** As `toMatchObject`. */
  readonly status?: object;
  /** `Reason: message`, each at least once. */
  readonly events?: readonly (string | RegExp)[];
  readonly noEvents?: readonly RegExp[];
  /** By container, the whole text without blanks at its ends. */
  readonly logs?: Readonly<Record<string, string | RegExp>>;
  readonly previousLogs?: Readonly<Record<string, string | RegExp>>;
  readonly exec?: readonly ExecWant[];
  /** The pod is not in the API any more. */
  readonly gone?: true;
}

export type ContainerWant = Omit<Partial<ContainerStatus>, 'state' | 'lastState' | 'containerID' | 'imageID' | 'restartCount'> & {
  readonly state?: object;
  readonly lastState?: object;
  readonly containerID?: unknown;
  readonly imageID?: unknown;
  readonly restartCount?: unknown;
};

export interface ExecWant {
  readonly container?: string;
  readonly command: readonly string[];
  /** What it prints, without blanks at its ends. */
  readonly prints?: string | RegExp;
  /** 0 if absent. */
  readonly exitCode?: number;
}

export interface Step {
  readonly title: string;
  act(world: PodWorld): Promise<unknown>;
  readonly want: Want;
}

/** One pod in a namespace of its own, and what is to be seen of it. */
export interface PodCase {
  readonly title: string;
  readonly needs?: readonly Ability[];
  /** What its containers do on a runtime without processes, `web.exit-code` say. Cases without are for those with processes alone. */
  readonly sim?: Readonly<Record<string, string>>;
  /** Made before the pod, in its namespace: data by name. */
  readonly configMaps?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly secrets?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly services?: readonly Service[];
  readonly metadata?: Pod['metadata'];
  readonly spec: Omit<PodSpec, 'containers'> & { readonly containers: PodSpec['containers'] };
  readonly want: Want;
  readonly then?: readonly Step[];
}
