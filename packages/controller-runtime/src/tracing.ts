import type { Transport } from '@keelson/client';
import { SpanKind, SpanStatusCode, trace, type Span, type SpanOptions } from '@opentelemetry/api';
import { errorMessage, KeelsonError } from '@keelson/base';

/** Does nothing until a program registers an OpenTelemetry SDK; from then on its spans go there. */
const TRACER = trace.getTracer('@keelson/controller-runtime');

/** Runs something within a span, which is the parent of those that begin while it runs. The span has ended when this settles. */
export function inSpan<R>(name: string, options: SpanOptions, run: (span: Span) => Promise<R>): Promise<R> {
  return TRACER.startActiveSpan(name, options, async (span) => {
    try {
      return await run(span);
    } catch (error) {
      noteError(span, error);
      throw error;
    } finally {
      span.end();
    }
  });
}

/** Marks a span as failed. */
export function noteError(span: Span, error: unknown): void {
  span.recordException(error instanceof Error ? error : String(error));
  span.setStatus({ code: SpanStatusCode.ERROR, message: errorMessage(error) });
}

/**
 * A transport whose requests are spans, children of the span within which they are made; without one, and without an SDK, they are passed on as
 * they are. Watches and streams, which last, are none.
 */
export function tracedTransport(transport: Transport): Transport {
  return {
    request: (call) => {
      if (!trace.getActiveSpan()?.isRecording()) return transport.request(call);
      const attributes = { 'http.request.method': call.method, 'url.path': call.path };
      return inSpan(`${call.method} ${call.path}`, { kind: SpanKind.CLIENT, attributes }, async (span) => {
        try {
          const answer = await transport.request(call);
          span.setAttribute('http.response.status_code', answer.status);
          return answer;
        } catch (error) {
          if (error instanceof KeelsonError) span.setAttribute('error.type', error.reason);
          throw error;
        }
      });
    },
    watch: (call) => transport.watch(call),
    stream: (call) => transport.stream(call),
    upgrade: (call, protocols) => transport.upgrade(call, protocols),
    close: () => transport.close(),
  };
}
