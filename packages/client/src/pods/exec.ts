import { openRemoteProcess, REMOTE_PROCESS_PROTOCOLS, type RemoteProcess } from '@keelson/streaming';
import { type Api, type ContainerName, podCall, transportOf } from './pod-call.ts';

export interface AttachOptions extends ContainerName {
  /** Gives the process an input; default false. */
  readonly stdin?: boolean;
  /** Default true. */
  readonly stdout?: boolean;
  /** Default true, and never with a tty. */
  readonly stderr?: boolean;
  /** A terminal; default false. */
  readonly tty?: boolean;
}

export interface ExecOptions extends AttachOptions {
  /** The program and its arguments. No shell is involved. */
  readonly command: readonly string[];
}

/** Runs a command in a container. Rejects if there is no such container; `exitCode` tells what became of the command. */
export function exec(api: Api, options: ExecOptions): Promise<RemoteProcess> {
  return open(api, 'exec', options);
}

/** Joins the streams of a container's own process. `exitCode` is 0 when they end: its real one is in the pod's status. */
export function attach(api: Api, options: AttachOptions): Promise<RemoteProcess> {
  return open(api, 'attach', options);
}

async function open(api: Api, subresource: 'exec' | 'attach', options: ExecOptions | AttachOptions): Promise<RemoteProcess> {
  const { name, namespace, signal, stdin = false, stdout = true, stderr = true, tty = false, ...rest } = options;
  const streams = { stdin, stdout, stderr: stderr && !tty, tty };
  const pod = { name, ...(namespace !== undefined && { namespace }), ...(signal && { signal }) };
  const call = podCall(pod, subresource, { ...rest, ...streams });
  const { connection, protocol } = await transportOf(api).upgrade(call, REMOTE_PROCESS_PROTOCOLS);
  return openRemoteProcess({ socket: connection, protocol, ...(signal && { signal }) });
}
