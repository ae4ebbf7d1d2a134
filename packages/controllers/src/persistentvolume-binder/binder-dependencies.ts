import type { PersistentVolume, PersistentVolumeClaim, Pod } from '@keelson/api/core/v1';
import type { StorageClass } from '@keelson/api/storage/v1';
import type { Client } from '@keelson/client';
import type { EventRecorder, Lister } from '@keelson/controller-runtime';

/** What claims and volumes are brought together with. */
export interface BinderDependencies {
  readonly client: Client;
  readonly events: EventRecorder;
  readonly claims: Lister<PersistentVolumeClaim>;
  readonly volumes: Lister<PersistentVolume>;
  readonly classes: Lister<StorageClass>;
  readonly pods: Lister<Pod>;
}
