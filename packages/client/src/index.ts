export type {
  Client,
  DeleteOptions,
  ListOptions,
  ObjectList,
  ObjectName,
  PatchType,
  ResourceClient,
  SubresourceCall,
  WatchOptions,
  WriteOptions,
} from './client.ts';
export type { ApiCall, ApiResponse, HttpMethod, Transport, Upgraded, WatchEvent } from './transport.ts';
