import { nameOf } from '@keelson/api';
import type { Node } from '@keelson/api/core/v1';
import type { KubeletConnection } from '@keelson/api-server';
import { KeelsonError } from '@keelson/base';
import type { Client } from '@keelson/client';

/** Gets `/metrics/resource` of a node's kubelet, as text. Rejects if it cannot be had. */
export type MetricsSource = (node: Node, signal: AbortSignal) => Promise<string>;

const PATH = '/metrics/resource';
/** Many times what 110 pods give. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Straight from the kubelets, by a certificate that has the right to `nodes/metrics`. */
export function kubeletSource(kubelets: KubeletConnection): MetricsSource {
  return async (node, signal) => textOf(await kubelets.request({ node, method: 'GET', path: PATH }, signal), node);
}

/** Through the API server, by whatever credentials the client has: they need the right to `nodes/proxy`. */
export function proxySource(client: Client): MetricsSource {
  return async (node, signal) => {
    const path = `/api/v1/nodes/${encodeURIComponent(nameOf(node))}/proxy${PATH}`;
    return textOf(await client.transport.stream({ method: 'GET', path, signal }), node);
  };
}

async function textOf(body: AsyncIterable<Uint8Array>, node: Node): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop lets go of the stream.
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_BYTES) {
      throw new KeelsonError('RequestEntityTooLarge', `metrics of node "${nameOf(node)}" are longer than ${MAX_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
