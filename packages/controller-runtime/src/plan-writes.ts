import { deepEqual, type KubernetesObject } from '@keelson/api';
import { isReason } from '@keelson/base';
import { createClient, type ApiCall, type Client, type Transport } from '@keelson/client';

/** A write that would be made. */
export interface PlannedWrite {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** Absent if the object is not there yet. */
  readonly before?: unknown;
  /** As the server would answer: defaulted, and changed by admission. Absent if the object would be gone. */
  readonly after?: unknown;
}

/**
 * Runs something that writes, such as a reconciler, without writing: each write is sent as a dry run, which the server defaults, admits and
 * validates and then forgets. Gives those that would change something, in order. What a later one reads is the world as it is, not as the
 * earlier ones would have made it.
 */
export async function planWrites(client: Client, run: (client: Client) => Promise<unknown>): Promise<readonly PlannedWrite[]> {
  const writes: PlannedWrite[] = [];
  await run(createClient(dryRunning(client.transport, (write) => writes.push(write))));
  return writes;
}

function dryRunning(transport: Transport, note: (write: PlannedWrite) => void): Transport {
  return {
    request: async (call) => {
      const { method, path } = call;
      if (method === 'GET') return transport.request(call);
      const before = method === 'POST' ? undefined : await current(transport, path);
      const response = await transport.request(dryRun(call));
      const after = method === 'DELETE' ? stillThere(response.body) : response.body;
      if (method === 'DELETE' || !same(before, after)) {
        note({ method, path, ...(before !== undefined && { before }), ...(after !== undefined && { after }) });
      }
      return response;
    },
    watch: (call) => transport.watch(call),
    stream: (call) => transport.stream(call),
    upgrade: (call, protocols) => transport.upgrade(call, protocols),
    close: () => transport.close(),
  };
}

function dryRun(call: ApiCall): ApiCall {
  if (call.method !== 'DELETE') return { ...call, query: { ...call.query, dryRun: 'All' } };
  return { ...call, body: { apiVersion: 'v1', kind: 'DeleteOptions', ...(call.body as object), dryRun: ['All'] } };
}

async function current(transport: Transport, path: string): Promise<unknown> {
  try {
    return (await transport.request({ method: 'GET', path })).body;
  } catch (error) {
    if (isReason(error, 'NotFound', 'MethodNotAllowed')) return undefined;
    throw error;
  }
}

function stillThere(answer: unknown): unknown {
  return (answer as KubernetesObject).kind === 'Status' ? undefined : answer;
}

function same(before: unknown, after: unknown): boolean {
  return before !== undefined && deepEqual(withoutBookkeeping(before), withoutBookkeeping(after));
}

function withoutBookkeeping(object: unknown): unknown {
  const { metadata, ...rest } = object as KubernetesObject;
  const { resourceVersion: _version, managedFields: _fields, ...kept } = metadata ?? {};
  return { ...rest, metadata: kept };
}
