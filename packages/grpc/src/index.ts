export { GrpcChannel, type CallOptions, type GrpcChannelOptions, type GrpcStream } from './grpc-channel.ts';
export { GrpcError, type GrpcCode } from './grpc-error.ts';
export {
  bool,
  bytes,
  int32,
  int64,
  list,
  message,
  nested,
  repeated,
  safeInt64,
  string,
  stringMap,
  uint32,
  uint64,
} from './message.ts';
export type { Field, MessageType, Received, ScalarField, Sent } from './message.ts';
export { method, type GrpcMethod } from './method.ts';
