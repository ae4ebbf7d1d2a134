import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { StreamSession } from '@keelson/runtime';

/** What a call to the kubelet wants, in the terms of RBAC on `nodes/<subresource>`. */
export interface KubeletRequest {
  readonly verb: 'get' | 'create';
  /** `proxy`, `log`, `stats`, `metrics`, `pods`, `healthz` or `configz`. */
  readonly subresource: string;
  /** Of a client certificate that was verified; absent without one. */
  readonly user?: { readonly name: string; readonly groups: readonly string[] };
  readonly bearerToken?: string;
}

/** Why a caller is sent away, or that it is not. */
export type Verdict = 'allowed' | 'unauthenticated' | 'forbidden';

export type Authorize = (request: KubeletRequest) => Promise<Verdict>;

/** What exec and attach need to know. */
export interface RemoteCommand {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
  open(): Promise<StreamSession>;
}

export interface PortForwardTarget {
  open(port: number): Promise<Duplex>;
}

/** Speaks the streaming protocols on an upgraded connection. The connection is its own from then on. */
export interface StreamUpgrades {
  remoteCommand(request: IncomingMessage, socket: Duplex, head: Buffer, command: RemoteCommand): Promise<void>;
  portForward(request: IncomingMessage, socket: Duplex, head: Buffer, target: PortForwardTarget): Promise<void>;
}
