import { token } from '@keelson/base';
import type { ApiRequest } from '../request/api-request.ts';
import type { RequestInfo } from '../request/request-info.ts';
import type { ConnectResult, ContentResult } from '../response/api-result.ts';

/** A request for a streaming subresource. The caller is authorized and the kind has the subresource. */
export interface ConnectRequest {
  readonly request: ApiRequest;
  readonly info: RequestInfo;
}

/** Serves subresources that are streams rather than objects: a pod's `log`, `exec`, `attach`, `portforward`, and `proxy`. */
export interface SubresourceConnector {
  /** Such as `pods/exec` or `services/proxy`. */
  readonly subresources: readonly string[];
  /** True if methods are for the other end to understand; otherwise only the subresource's own verbs are let through. */
  readonly anyMethod?: boolean;
  /** Finds out where the stream goes. Rejects with a `KeelsonError` as long as nothing has been sent. */
  connect(request: ConnectRequest): Promise<ConnectResult | ContentResult>;
}

/** Bound many times. */
export const SUBRESOURCE_CONNECTOR = token<SubresourceConnector>('@keelson/api-server:SubresourceConnector');
