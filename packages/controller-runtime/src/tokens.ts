import { token, type Runnable } from '@keelson/base';
import type { InformerFactory } from './informer-factory.ts';

export const INFORMERS = token<InformerFactory>('@keelson/controller-runtime:InformerFactory');

/** Bound many times: each one is started once the informers are synced. */
export const CONTROLLER = token<Runnable>('@keelson/controller-runtime:Controller');
