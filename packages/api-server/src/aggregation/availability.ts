import { formatTime } from '@keelson/api';
import type { APIServiceCondition, APIServiceStatus } from '@keelson/api/apiregistration/v1';
import { errorMessage, isReason } from '@keelson/base';
import type { ExtensionServer, RemoteDiscovery } from './extension-server.ts';

/** The condition `Available`, without its time. */
export type Availability = Pick<APIServiceCondition, 'status' | 'reason' | 'message'>;

/** What one look at an extension server has found. */
export interface Finding {
  readonly availability: Availability;
  /** Absent unless it is available. */
  readonly discovery?: RemoteDiscovery;
}

/** Whether an extension server can be asked, and what it then serves. Never rejects. */
export async function examine(server: ExtensionServer, signal: AbortSignal): Promise<Finding> {
  const { name, namespace } = server.spec.service;
  let address: Awaited<ReturnType<ExtensionServer['address']>>;
  try {
    address = await server.address();
  } catch (error) {
    const isMissing = isReason(error, 'NotFound');
    const message = isMissing ? `service/${name} in "${namespace}" is not present` : errorMessage(error);
    return { availability: { status: 'False', reason: isMissing ? 'ServiceNotFound' : 'MissingEndpoints', message } };
  }
  try {
    const discovery = await server.discover(address, signal);
    return { availability: { status: 'True', reason: 'Passed', message: 'all checks passed' }, discovery };
  } catch (error) {
    const url = `https://${address.host}:${address.port}${server.path}`;
    const message = `failing or missing response from ${url}: ${errorMessage(error)}`;
    return { availability: { status: 'False', reason: 'FailedDiscoveryCheck', message } };
  }
}

/** Of what this server serves by itself. */
export const LOCAL: Availability = {
  status: 'True',
  reason: 'Local',
  message: 'Local APIServices are always available',
};

/** The status with that condition; the same object if it has it already. What is unchanged keeps its time. */
export function withAvailability(status: Readonly<APIServiceStatus>, found: Availability, nowMs: number): APIServiceStatus {
  const conditions = status.conditions ?? [];
  const before = conditions.find(({ type }) => type === 'Available');
  if (before && before.reason === found.reason && before.message === found.message && before.status === found.status)
    return status;
  const isSame = before?.status === found.status;
  const lastTransitionTime = isSame ? before.lastTransitionTime : formatTime(nowMs);
  return {
    ...status,
    conditions: [...conditions.filter((each) => each !== before), { type: 'Available', ...found, lastTransitionTime }],
  };
}
