import type { Namespace } from '@keelson/api/core/v1';
import { isReason } from '@keelson/base';

/** True for a namespace in which things can be created. */
export function isNamespaceActive(namespace: Namespace): boolean {
  return namespace.metadata?.deletionTimestamp === undefined && namespace.status?.phase !== 'Terminating';
}

/** The server refused to create something because its namespace is going away: there is no use in trying again. */
export function isNamespaceTerminating(error: unknown): boolean {
  if (!isReason(error, 'Forbidden')) return false;
  return error.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating') ?? false;
}
