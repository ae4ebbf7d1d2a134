import { errorMessage, isReason } from '@keelson/base';
import { endpointText } from '../endpoints.ts';
import { runOrThrow, type CommandRunner } from '../command-runner.ts';
import type { SyncProblem } from '../proxy-mode.ts';
import type { IpFamily, ServiceMap, ServicePort } from '../service-map.ts';
import { changesBetween } from '../snapshot-map.ts';

/** The two directions of a connection that the kernel remembers. An answer comes from `reply`: from the endpoint, if it was sent to one. */
export interface Flow {
  readonly destination: Socket;
  readonly reply: Socket;
}

interface Socket {
  readonly address: string;
  readonly port: number;
}

/**
 * Forgets the UDP flows that do not go where a new one would: to endpoints that are gone, or past the service since they are older than
 * its first endpoint. A client that keeps its port, as DNS clients do, would otherwise talk to nobody for as long as it keeps talking.
 */
export class StaleFlows {
  readonly #run: CommandRunner;
  readonly #family: 'ipv4' | 'ipv6';
  /** The services whose flows are in order. */
  #seen: ServiceMap = new Map();

  constructor(run: CommandRunner, family: IpFamily) {
    this.#run = run;
    this.#family = family === 'IPv6' ? 'ipv6' : 'ipv4';
  }

  /** Puts the flows of all services that have changed since the last call in order; of all services if `full`. Never rejects. */
  async follow(desired: ServiceMap, full: boolean): Promise<readonly SyncProblem[]> {
    const changes = full ? [] : [...changesBetween(this.#seen, desired).values()];
    // What a service had before leads nowhere now, unless it or another one still has it.
    const gone = changes.flatMap(({ before }) => before ?? []).map(withoutEndpoints);
    const ports = full ? [...desired.values()] : [...gone, ...changes.flatMap(({ after }) => after ?? [])];
    try {
      await this.#remove(ports.filter((port) => port.protocol === 'UDP'));
      this.#seen = desired;
      return [];
    } catch (error) {
      const message = `UDP clients may keep talking to endpoints that are gone: ${errorMessage(error)}`;
      return [isReason(error, 'NotFound') ? { message, lasting: true } : { message }];
    }
  }

  /** Looks at all of them at the next call. */
  forget(): void {
    this.#seen = new Map();
  }

  async #remove(udp: readonly ServicePort[]): Promise<void> {
    if (udp.length === 0) return;
    const listed = await runOrThrow(this.#run, { file: 'conntrack', args: ['-L', '-f', this.#family, '-p', 'udp'] });
    const nodeAddresses = udp.some((port) => port.nodePort !== undefined) ? await this.#nodeAddresses() : new Set<string>();
    for (const flow of staleFlows(parseFlows(listed), udp, nodeAddresses)) await this.#forget(flow);
  }

  /** All flows with the same two ends of interest at once, whoever the client is. */
  async #forget({ destination, reply }: Flow): Promise<void> {
    const args = ['-D', '-f', this.#family, '-p', 'udp'];
    args.push('--orig-dst', destination.address, '--orig-port-dst', String(destination.port));
    args.push('--reply-src', reply.address, '--reply-port-src', String(reply.port));
    const { code, stderr } = await this.#run({ file: 'conntrack', args });
    // Ended by itself in the meantime.
    if (code !== 0 && !stderr.includes('0 flow entries'))
      await runOrThrow(() => Promise.resolve({ code, stdout: '', stderr }), { file: 'conntrack', args });
  }

  async #nodeAddresses(): Promise<ReadonlySet<string>> {
    const stdout = await runOrThrow(this.#run, { file: 'ip', args: ['-o', 'addr', 'show'] });
    return new Set([...stdout.matchAll(/ inet6? ([0-9a-f.:]+)\//g)].map(([, address = '']) => address));
  }
}

function withoutEndpoints(port: ServicePort): ServicePort {
  return { ...port, clusterEndpoints: [], localEndpoints: [] };
}

/** Reads the output of `conntrack -L`. */
export function parseFlows(text: string): Flow[] {
  return text.split('\n').flatMap((line) => {
    const [out, back] = [...line.matchAll(/src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)/g)];
    if (!out || !back) return [];
    return {
      destination: { address: out[2] ?? '', port: Number(out[4]) },
      reply: { address: back[1] ?? '', port: Number(back[3]) },
    };
  });
}

/** The flows to a service that a new packet would not take. Each pair of ends once. */
export function staleFlows(
  flows: readonly Flow[],
  ports: readonly ServicePort[],
  nodeAddresses: ReadonlySet<string>,
): readonly Flow[] {
  const byAddress = new Map<string, ServicePort>();
  const byNodePort = new Map<number, ServicePort>();
  for (const port of ports) {
    for (const address of [...port.clusterIPs, ...port.externalIPs, ...port.loadBalancerIPs]) {
      byAddress.set(endpointText({ address, port: port.port }), port);
    }
    if (port.nodePort !== undefined) byNodePort.set(port.nodePort, port);
  }
  const stale = new Map<string, Flow>();
  for (const flow of flows) {
    const { destination, reply } = flow;
    const atNode = nodeAddresses.has(destination.address) ? byNodePort.get(destination.port) : undefined;
    const port = byAddress.get(endpointText(destination)) ?? atNode;
    if (port && isStale(flow, port)) stale.set(`${endpointText(destination)} ${endpointText(reply)}`, flow);
  }
  return [...stale.values()];
}

function isStale({ destination, reply }: Flow, port: ServicePort): boolean {
  const endpoints = [...port.clusterEndpoints, ...port.localEndpoints];
  const isUntouched = reply.address === destination.address && reply.port === destination.port;
  // Without endpoints, untouched flows are those of a client that is being refused.
  if (isUntouched) return endpoints.length > 0;
  return !endpoints.some((one) => one.address === reply.address && one.port === reply.port);
}
