import type { Duplex } from 'node:stream';
import { errorMessage, type Clock } from '@keelson/base';
import { GrpcChannel, GrpcError, int32, message, method, string } from '@keelson/grpc';

/** `grpc.health.v1.Health/Check` */
const CHECK = method('grpc.health.v1.Health', 'Check', {
  request: message({ service: string(1) }),
  response: message({ status: int32(1) }),
});

const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const SERVING = 'SERVING';

/** Asks for the health of a service over a connection, which is closed then. What went wrong is in `output`, in the words of Kubernetes. */
export async function grpcCheck(
  connection: Duplex,
  service: string,
  { clock, timeoutMs, signal }: { readonly clock: Clock; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<{ readonly healthy: boolean; readonly output: string }> {
  // A probe ends within its own time: the channel need not look after the connection.
  const channel = new GrpcChannel({ address: 'http://pod', connection, clock, connectTimeoutMs: timeoutMs });
  try {
    const { status } = await channel.unary(CHECK, { service }, { signal, metadata: { 'user-agent': 'kube-probe/1.36' } });
    const word = STATUSES[status] ?? String(status);
    if (word === SERVING) return { healthy: true, output: 'service healthy' };
    return { healthy: false, output: `service unhealthy (responded with "${word}")` };
  } catch (error) {
    return { healthy: false, output: failureText(error, timeoutMs) };
  } finally {
    channel.close();
    connection.destroy();
  }
}

function failureText(error: unknown, timeoutMs: number): string {
  const why = errorMessage(error);
  const code = error instanceof GrpcError ? error.grpcCode : undefined;
  if (code === 'UNIMPLEMENTED')
    return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${why}`;
  if (code === 'DEADLINE_EXCEEDED') return `timeout: health rpc did not complete within ${timeoutMs / 1000}s`;
  return `error: health rpc probe failed: ${why}`;
}
