// The part of etcd's API (v3, `rpc.proto` and `kv.proto`) that the driver uses, by the numbers of its fields.
import {
  bool,
  bytes,
  int32,
  int64,
  message,
  method,
  nested,
  repeated,
  safeInt64,
  string,
  uint64,
  type Received,
  type Sent,
} from '@keelson/grpc';

const Header = message({ clusterId: uint64(1), memberId: uint64(2), revision: safeInt64(3) });

const KeyValue = message({
  key: string(1),
  createRevision: safeInt64(2),
  modRevision: safeInt64(3),
  value: bytes(5),
});
export type KeyValue = Received<typeof KeyValue>;

const RangeRequest = message({
  key: bytes(1),
  rangeEnd: bytes(2),
  limit: safeInt64(3),
  revision: safeInt64(4),
  countOnly: bool(9),
});
const RangeResponse = message({ header: nested(1, Header), kvs: repeated(2, KeyValue), more: bool(3), count: safeInt64(4) });

const PutRequest = message({ key: bytes(1), value: bytes(2), lease: int64(3) });
const DeleteRangeRequest = message({ key: bytes(1) });
const RequestOp = message({
  range: nested(1, RangeRequest),
  put: nested(2, PutRequest),
  deleteRange: nested(3, DeleteRangeRequest),
});
const ResponseOp = message({ range: nested(1, RangeResponse) });

export const COMPARE_MOD_REVISION = 2;
const Compare = message({ target: int32(2), key: bytes(3), modRevision: safeInt64(6) });
const TxnRequest = message({ compare: repeated(1, Compare), success: repeated(2, RequestOp), failure: repeated(3, RequestOp) });
export type TxnRequest = Sent<typeof TxnRequest>;
const TxnResponse = message({ header: nested(1, Header), succeeded: bool(2), responses: repeated(3, ResponseOp) });
export type TxnResponse = Received<typeof TxnResponse>;

const CompactionRequest = message({ revision: safeInt64(1) });
const CompactionResponse = message({ header: nested(1, Header) });

export const EVENT_DELETE = 1;
const Event = message({ type: int32(1), kv: nested(2, KeyValue), previous: nested(3, KeyValue) });
export type Event = Received<typeof Event>;

const WatchCreateRequest = message({
  key: bytes(1),
  rangeEnd: bytes(2),
  startRevision: safeInt64(3),
  previous: bool(6),
  fragment: bool(8),
});
const WatchRequest = message({ create: nested(1, WatchCreateRequest) });
const WatchResponse = message({
  created: bool(3),
  canceled: bool(4),
  compactRevision: safeInt64(5),
  cancelReason: string(6),
  fragment: bool(7),
  events: repeated(11, Event),
});
export type WatchResponse = Received<typeof WatchResponse>;

const LeaseGrantRequest = message({ ttlSeconds: safeInt64(1) });
const LeaseGrantResponse = message({ id: int64(2), ttlSeconds: safeInt64(3) });

const AuthenticateRequest = message({ name: string(1), password: string(2) });
const AuthenticateResponse = message({ token: string(2) });

export const RANGE = method('etcdserverpb.KV', 'Range', { request: RangeRequest, response: RangeResponse });
export const TXN = method('etcdserverpb.KV', 'Txn', { request: TxnRequest, response: TxnResponse });
export const COMPACT = method('etcdserverpb.KV', 'Compact', { request: CompactionRequest, response: CompactionResponse });
export const WATCH = method('etcdserverpb.Watch', 'Watch', { request: WatchRequest, response: WatchResponse });
export const LEASE_GRANT = method('etcdserverpb.Lease', 'LeaseGrant', {
  request: LeaseGrantRequest,
  response: LeaseGrantResponse,
});
export const AUTHENTICATE = method('etcdserverpb.Auth', 'Authenticate', {
  request: AuthenticateRequest,
  response: AuthenticateResponse,
});
