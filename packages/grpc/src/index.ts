export { GrpcChannel, type CallOptions, type GrpcChannelOptions, type GrpcStream } from './grpc-channel.ts';
export { GrpcError, type GrpcCode } from './grpc-error.ts';
export { bool, bytes, int32, int64, message, nested, repeated, safeInt64, string, uint64 } from './message.ts';
export type { Field, MessageType, Received, Sent } from './message.ts';
export { method, type GrpcMethod } from './method.ts';
