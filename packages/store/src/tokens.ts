import { token } from '@keelson/base';
import type { Store } from './store.ts';

/** The store of a control plane. */
export const STORE = token<Store>('@keelson/store:Store');
