import type { MessageType } from './message.ts';

/** A method of a gRPC service: its path, such as `/etcdserverpb.KV/Range`, and the messages that go there and back. */
export interface GrpcMethod<Response, Request> {
  readonly path: string;
  readonly request: MessageType<unknown, Request>;
  readonly response: MessageType<Response, never>;
}

/** A method out of its service's name, its own name and its messages. */
export function method<Response, Request>(
  service: string,
  name: string,
  types: { readonly request: MessageType<unknown, Request>; readonly response: MessageType<Response, never> },
): GrpcMethod<Response, Request> {
  return { path: `/${service}/${name}`, ...types };
}
