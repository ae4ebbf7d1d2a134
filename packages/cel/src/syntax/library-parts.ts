/** What is used of the CEL library: a module of its own, so that it can be loaded when the first expression is compiled. */
export { celEnv, celUint, isCelError, isCelList, isCelUint, parse, plan } from '@bufbuild/cel';
export { strings } from '@bufbuild/cel/ext';
export { create } from '@bufbuild/protobuf';
export { DurationSchema, TimestampSchema } from '@bufbuild/protobuf/wkt';
