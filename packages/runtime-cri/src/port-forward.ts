import type { Duplex } from 'node:stream';
import { isReason } from '@keelson/base';
import { POD_SANDBOX_STATUS, PORT_FORWARD } from './api/methods.ts';
import type { CriClient } from './cri-client.ts';
import { connectInNamespace, networkNamespace } from './pod-connection.ts';
import { openPorts } from './streams.ts';

/**
 * A connection to a port on the loopback addresses of a sandbox. It is made here where that can be done, since a runtime accepts a stream before it
 * connects; else by the runtime.
 */
export async function portForward(client: CriClient, sandboxId: string, port: number, signal?: AbortSignal): Promise<Duplex> {
  const connection =
    (await forwardWithin(client, sandboxId, port, signal)) ?? (await forwardByStream(client, sandboxId, port, signal));
  // Whoever reads or writes is told of it. One that is dropped must not end this process.
  connection.on('error', () => undefined);
  return connection;
}

/** `undefined` if the sandbox has no network namespace here that can be entered. */
async function forwardWithin(
  client: CriClient,
  id: string,
  port: number,
  signal: AbortSignal | undefined,
): Promise<Duplex | undefined> {
  const { info } = await client.call(POD_SANDBOX_STATUS, { id, verbose: true }, { signal, isRepeatable: true });
  const namespace = await networkNamespace(info);
  if (namespace === undefined) return undefined;
  return connectInNamespace(namespace, port, signal).catch((error: unknown) => {
    if (isReason(error, 'Forbidden')) return undefined;
    throw error;
  });
}

/** Through the runtime. If nobody listens, the stream fails later. */
export async function forwardByStream(client: CriClient, sandboxId: string, port: number, signal?: AbortSignal): Promise<Duplex> {
  const { url } = await client.call(PORT_FORWARD, { sandboxId, port: [port] }, { signal });
  const session = await openPorts(url, signal);
  const connection = session.connect(port);
  connection.once('close', () => session.close());
  return connection;
}
