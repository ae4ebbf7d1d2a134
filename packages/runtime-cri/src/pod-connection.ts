import { spawn, type ChildProcess } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { Socket } from 'node:net';
import { KeelsonError } from '@keelson/base';

/** `NSFS_MAGIC`: what a file is on that a namespace is mounted on. */
const NSFS = 0x6e_73_66_73;
const TIMEOUT_MS = 30_000;

/**
 * Connects within the namespace, and hands the socket over. It is paused before it is connected: what the pod says first is not for this
 * program to read.
 */
const CONNECT = `
const { Socket } = require('node:net');
const connect = (host) => new Promise((resolve, reject) => {
  const socket = new Socket({ allowHalfOpen: true }).pause();
  socket.once('error', reject).connect({ host, port: Number(process.argv[1]) }, () => resolve(socket));
});
connect('127.0.0.1')
  .catch((refusal) => connect('::1').catch(() => Promise.reject(refusal)))
  .then((socket) => process.send({}, socket), ({ code }) => process.send({ code }))
  .then(() => process.disconnect());
`;

interface Answer {
  /** Of the system, if there is no connection. */
  readonly code?: string;
}

/** The path of a sandbox's network namespace, by what a runtime says of it beyond the CRI; `undefined` if it is not one on this machine. */
export async function networkNamespace(info: Readonly<Record<string, string>>): Promise<string | undefined> {
  const path = namespacePath(info['info'] ?? '');
  if (path === undefined) return undefined;
  const found = await statfs(path).catch(() => undefined);
  return found?.type === NSFS ? path : undefined;
}

/** Containerd and CRI-O print the sandbox's OCI configuration. */
function namespacePath(text: string): string | undefined {
  try {
    const { runtimeSpec } = JSON.parse(text) as {
      readonly runtimeSpec?: {
        readonly linux?: { readonly namespaces?: readonly { readonly type: string; readonly path?: string }[] };
      };
    };
    return runtimeSpec?.linux?.namespaces?.find(({ type }) => type === 'network')?.path;
  } catch {
    return undefined;
  }
}

/**
 * A connection to a port on the loopback addresses of a network namespace. A process that enters the namespace makes it, and gives its socket to
 * this one: it is the kernel's from then on. Needs root and `nsenter`; rejects with `Forbidden` if there is no entering.
 */
export async function connectInNamespace(path: string, port: number, signal?: AbortSignal): Promise<Socket> {
  signal?.throwIfAborted();
  const child = spawn('nsenter', [`--net=${path}`, process.execPath, '-e', CONNECT, String(port)], {
    cwd: '/',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    timeout: TIMEOUT_MS,
    env: { PATH: process.env['PATH'] },
    ...(signal && { signal }),
  });
  const { answer, socket } = await answerOf(child);
  signal?.throwIfAborted();
  if (!answer) throw new KeelsonError('Forbidden', `cannot enter network namespace "${path}"`);
  if (!socket) {
    const why = answer.code === 'ECONNREFUSED' ? 'connection refused' : String(answer.code);
    throw new KeelsonError('ServiceUnavailable', `failed to connect to localhost:${port} inside the pod: ${why}`);
  }
  // Each side ends on its own.
  socket.allowHalfOpen = true;
  return socket;
}

/** Nothing if it ends without a word. */
function answerOf(child: ChildProcess): Promise<{ readonly answer?: Answer; readonly socket?: Socket }> {
  return new Promise((resolve) => {
    child.once('message', (answer, handle) =>
      resolve({ answer: answer as Answer, ...(handle instanceof Socket && { socket: handle }) }),
    );
    child.once('error', () => resolve({}));
    child.once('close', () => resolve({}));
  });
}
