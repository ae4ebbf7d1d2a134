import { unsupportedMediaType } from '@keelson/api';
import type { ApiResult } from '../response/api-result.ts';
import type { Call } from './call.ts';

/** Server-side apply. Not served yet: clients are told which patches are. */
export async function apply(_call: Call): Promise<ApiResult> {
  throw unsupportedMediaType([
    'application/json-patch+json',
    'application/merge-patch+json',
    'application/strategic-merge-patch+json',
  ]);
}
