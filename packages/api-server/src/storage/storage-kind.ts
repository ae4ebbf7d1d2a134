import { apiVersionOf } from '@keelson/api';

/** The kind that objects of one resource are stored as. Stored bytes begin with `head`, so that a revision can be put in behind it. */
export interface StorageKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly apiVersion: string;
  /** `{"kind":"Pod","apiVersion":"v1","metadata":{` */
  readonly head: Buffer;
}

export function storageKind(group: string, version: string, kind: string): StorageKind {
  const apiVersion = apiVersionOf({ group, version });
  const head = Buffer.from(`{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},"metadata":{`);
  return { group, version, kind, apiVersion, head };
}
