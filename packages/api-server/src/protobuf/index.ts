export { canEncode, decodeObject, encodeObject, encodeWatchEvent, PROTOBUF } from './envelope.ts';
