import { token } from '@keelson/base';
import type { ProxyMode } from './proxy-mode.ts';
import type { ServiceProxy } from './proxy.ts';

/** How packets get to their endpoints. */
export const PROXY_MODE = token<ProxyMode>('@keelson/proxy:ProxyMode');

export const SERVICE_PROXY = token<ServiceProxy>('@keelson/proxy:ServiceProxy');
