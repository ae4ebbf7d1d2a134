import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ContainerRuntime } from '@keelson/runtime';

/** Where a pod can be reached. */
export interface PodEndpoint {
  readonly sandboxId: string;
  /** Empty if the pod has no network of its own. */
  readonly ip: string;
  readonly hostNetwork: boolean;
}

export type Dial = (endpoint: PodEndpoint, host: string | undefined, port: number) => Promise<Duplex>;

/** Connects to pods by their address or, for runtimes that give them none, through the runtime. */
export function dialer(runtime: ContainerRuntime, hasPodNetwork: () => boolean): Dial {
  return async (endpoint, host, port) => {
    const target = host ?? (endpoint.hostNetwork ? '127.0.0.1' : endpoint.ip);
    if (host === undefined && !hasPodNetwork()) return runtime.portForward(endpoint.sandboxId, port);
    return dialTcp(target, port);
  };
}

function dialTcp(host: string, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'ECONNREFUSED' ? 'connect: connection refused' : error.message;
      reject(new Error(`dial tcp ${host.includes(':') ? `[${host}]` : host}:${port}: ${why}`));
    });
  });
}
