export { Discovery, type DiscoveryOptions } from './discovery.ts';
export type { DocumentHeaders, DocumentResponse } from './document.ts';
