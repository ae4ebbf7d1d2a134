import type { ApiRequest } from '../request/api-request.ts';
import { parsePath, type RequestInfo } from '../request/request-info.ts';
import type { ApiResult } from '../response/api-result.ts';
import { verbOf } from './verb.ts';

/** A request, and what it asks for. */
export interface Intercepted {
  readonly request: ApiRequest;
  readonly info: RequestInfo;
  /** Kubernetes' verb on a resource; the method in lower case for other paths. */
  readonly verb: string;
}

/**
 * Stands between the fronts (HTTP, in process) and the API: sees each authenticated request first, and may pass it on with `next`, answer or refuse it
 * itself, or change the answer. For tests that need a server with faults, and for programs that embed one.
 */
export type RequestInterceptor = (intercepted: Intercepted, next: () => Promise<ApiResult>) => Promise<ApiResult>;

/** Runs `serve` behind the interceptors, the first of which is outermost. */
export function intercept(
  interceptors: readonly RequestInterceptor[],
  request: ApiRequest,
  serve: () => Promise<ApiResult>,
): Promise<ApiResult> {
  const info = parsePath(request.path);
  const verb = (info.isResource ? verbOf(request, info) : undefined) ?? request.method.toLowerCase();
  const intercepted = { request, info, verb };
  const from = (at: number): Promise<ApiResult> => {
    const interceptor = interceptors[at];
    return interceptor ? interceptor(intercepted, () => from(at + 1)) : serve();
  };
  return from(0);
}
