import type { UserInfo } from '../registry/strategy.ts';
import type { Query } from './query.ts';

/** A body that is still bytes, or a value that a caller in this process gave. */
export type RequestBody =
  | { readonly type: 'bytes'; readonly data: Buffer; readonly contentType: string | undefined }
  | { readonly type: 'value'; readonly value: unknown; readonly contentType: string | undefined };

/** A request, however it came. The user is authenticated. */
export interface ApiRequest {
  readonly method: string;
  /** Percent-encoded, without the query. */
  readonly path: string;
  readonly query: Query;
  readonly user: UserInfo;
  readonly body: RequestBody | undefined;
  readonly accept: string | undefined;
  /** The header, for documents that are kept compressed. */
  readonly acceptEncoding?: string | undefined;
  /** The header, for documents that have an ETag. */
  readonly ifNoneMatch?: string | undefined;
  readonly userAgent: string | undefined;
  readonly signal: AbortSignal | undefined;
}
