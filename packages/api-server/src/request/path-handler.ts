import { token } from '@keelson/base';
import type { ApiResult } from '../response/api-result.ts';
import type { ApiRequest } from './api-request.ts';

/** Serves paths that name no object: discovery, OpenAPI, version, health, metrics. */
export interface PathHandler {
  /** `undefined`: not my path. Called after authorization. */
  handle(request: ApiRequest): Promise<ApiResult | undefined>;
}

/** Bound many times; asked in the order of binding. */
export const PATH_HANDLER = token<PathHandler>('@keelson/api-server:PathHandler');
