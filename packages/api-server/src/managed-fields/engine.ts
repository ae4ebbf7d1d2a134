import { badRequest, type KubernetesObject } from '@keelson/api';
import { applyConfiguration, SchemaMismatch, type ApplyResult, type TrackedWrite } from '@keelson/api/structured-merge';
import { KeelsonError } from '@keelson/base';

export interface EngineInput {
  readonly live: Readonly<KubernetesObject>;
  readonly configuration: Readonly<KubernetesObject>;
  readonly force: boolean;
}

/** A configuration must say what it is, and may not say who owns what. */
export function checkHead(
  { apiVersion = '', kind = '', metadata }: Readonly<KubernetesObject>,
  expected: { readonly apiVersion: string; readonly kind: string },
): void {
  if (apiVersion !== expected.apiVersion || kind !== expected.kind) {
    throw badRequest(`invalid object type: ${kindText(apiVersion, kind)}`);
  }
  const managedFields: unknown = metadata?.managedFields;
  if (managedFields !== undefined && managedFields !== null) throw badRequest('metadata.managedFields must be nil');
}

/** The merge engine, with its errors as the API tells them. */
export function applied(write: TrackedWrite, input: EngineInput): ApplyResult {
  try {
    return applyConfiguration(write, input);
  } catch (error) {
    if (!(error instanceof SchemaMismatch)) throw error;
    // Upstream gives no reason, and the code of an internal error.
    const subject = subjectOf(input.configuration);
    throw new KeelsonError('Unknown', `failed to create typed patch object (${subject}): ${error.message}`, { cause: error });
  }
}

function subjectOf({ apiVersion = '', kind = '', metadata }: Readonly<KubernetesObject>): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}; ${kindText(apiVersion, kind)}`;
}

/** `apps/v1, Kind=Deployment`; for the core group `/v1, Kind=Pod`. */
function kindText(apiVersion: string, kind: string): string {
  return `${apiVersion.includes('/') ? '' : '/'}${apiVersion}, Kind=${kind}`;
}
