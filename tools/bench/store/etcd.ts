import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { bool, bytes, GrpcChannel, int32, message, method, nested, repeated, safeInt64 } from '@keelson/grpc';

const Header = message({ revision: safeInt64(3) });
const KeyValue = message({ key: bytes(1), value: bytes(5) });
const RangeRequest = message({ key: bytes(1), rangeEnd: bytes(2), limit: safeInt64(3) });
const RangeResponse = message({ kvs: repeated(2, KeyValue) });
const Compare = message({ target: int32(2), key: bytes(3), modRevision: safeInt64(6) });
const PutOp = message({ put: nested(2, message({ key: bytes(1), value: bytes(2) })) });
const TxnRequest = message({ compare: repeated(1, Compare), success: repeated(2, PutOp) });
const TxnResponse = message({ header: nested(1, Header), succeeded: bool(2) });
const RANGE = method('etcdserverpb.KV', 'Range', { request: RangeRequest, response: RangeResponse });
const TXN = method('etcdserverpb.KV', 'Txn', { request: TxnRequest, response: TxnResponse });
const MOD_REVISION = 2;

/**
 * An etcd of one's own on this machine, to measure beside the store: as kube-apiserver uses it, without TLS. Durable, as it is by default: its log
 * is synced before it answers. Reads are linearizable.
 */
export class Etcd implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #channel: GrpcChannel;
  readonly endpoint: string;

  private constructor(child: ChildProcess, endpoint: string) {
    this.#process = child;
    this.endpoint = endpoint;
    this.#channel = new GrpcChannel({ address: endpoint });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Undefined if etcd is not installed. */
  static async start(directory: string): Promise<Etcd | undefined> {
    const [client, peer] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
    const urls = ['--listen-client-urls', client, '--advertise-client-urls', client, '--listen-peer-urls', peer];
    const cluster = ['--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`];
    const child = spawn('etcd', ['--data-dir', directory, '--logger', 'zap', '--log-level', 'error', ...urls, ...cluster], {
      stdio: 'ignore',
    });
    const isThere = await Promise.race([once(child, 'spawn').then(() => true), once(child, 'error').then(() => false)]);
    if (!isThere) return undefined;
    await untilHealthy(`${client}/health`);
    return new Etcd(child, client);
  }

  /** Puts if the key was last changed at `revision`, 0 for never; resolves to the revision of the write. */
  async update(name: string, value: Uint8Array, revision: number): Promise<number> {
    const key = Buffer.from(name);
    const compare = [{ target: MOD_REVISION, key, modRevision: revision }];
    const { succeeded, header } = await this.#channel.unary(TXN, { compare, success: [{ put: { key, value } }] });
    if (!succeeded) throw new Error(`etcd: "${name}" is not at revision ${revision}`);
    return header?.revision ?? 0;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const { kvs } = await this.#channel.unary(RANGE, { key: Buffer.from(key) });
    return kvs[0]?.value;
  }

  /** How many keys there are from `start` to, but without, `end`: all are read. */
  async range(start: string, end: string, limit = 0): Promise<number> {
    const { kvs } = await this.#channel.unary(RANGE, { key: Buffer.from(start), rangeEnd: Buffer.from(end), limit });
    return kvs.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#channel.close();
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await ended;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function untilHealthy(url: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const isHealthy = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isHealthy) return;
    await sleep(50);
  }
  throw new Error('etcd does not become healthy');
}
