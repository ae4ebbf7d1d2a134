export { Discovery, type DiscoveryOptions } from './discovery.ts';
export type { DocumentResponse } from './document.ts';
