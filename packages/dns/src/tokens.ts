import { token } from '@keelson/base';
import type { DnsServer } from './dns-server.ts';

export const DNS_SERVER = token<DnsServer>('@keelson/dns:DnsServer');
