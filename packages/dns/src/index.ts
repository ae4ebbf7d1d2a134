export { DnsServer, type DeltaSource, type DnsServerDependencies } from './dns-server.ts';
export type { DnsServerOptions } from './options.ts';
export { DNS_SERVER } from './tokens.ts';
export { dnsServiceController, type DnsServiceDependencies, type DnsServiceOptions } from './dns-service.ts';
