import type { Service } from '@keelson/api/core/v1';
import type { EndpointSlice } from '@keelson/api/discovery/v1';
import { silentLogger, SystemClock, type Clock } from '@keelson/base';
import { DnsServer } from '../dns-server.ts';
import type { DnsServerOptions } from '../options.ts';
import { ManualSource } from './objects.ts';

export interface RunningServer extends AsyncDisposable {
  readonly server: DnsServer;
  readonly port: number;
  readonly services: ManualSource<Service>;
  readonly slices: ManualSource<EndpointSlice>;
}

/** On a free port of loopback; synced with what is given, or not at all if nothing is. Answers begin with the first address. */
export async function runServer(
  objects?: { readonly services?: readonly Service[]; readonly slices?: readonly EndpointSlice[] },
  options: DnsServerOptions = {},
  clock: Clock = new SystemClock(),
): Promise<RunningServer> {
  const services = new ManualSource<Service>();
  const slices = new ManualSource<EndpointSlice>();
  const server = new DnsServer(
    { services, endpointSlices: slices, clock, logger: silentLogger },
    { host: '127.0.0.1', port: 0, random: () => 0, ...options },
  );
  await server.start(new AbortController().signal);
  if (objects) {
    services.sync(...(objects.services ?? []));
    slices.sync(...(objects.slices ?? []));
    await Promise.all([services.whenSynced(), slices.whenSynced()]);
    // The server hears of it just as we do.
    await new Promise(setImmediate);
  }
  return { server, port: server.port, services, slices, [Symbol.asyncDispose]: () => server.stop() };
}
