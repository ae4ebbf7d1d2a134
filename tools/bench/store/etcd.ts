import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { connect, type ClientHttp2Session } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';

/** An etcd of one's own on this machine, to measure beside the store: durable, as kube-apiserver uses it, without TLS. */
export class Etcd implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #session: ClientHttp2Session;

  private constructor(child: ChildProcess, session: ClientHttp2Session) {
    this.#process = child;
    this.#session = session;
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
    return new Etcd(child, connect(client));
  }

  /** Puts if the key was last changed at `revision`, 0 for never; resolves to the revision of the write. */
  async update(key: string, value: Buffer, revision: number): Promise<number> {
    const answer = await this.#call('/etcdserverpb.KV/Txn', transaction(Buffer.from(key), value, revision));
    const { revision: written, succeeded } = readTransaction(answer);
    if (!succeeded) throw new Error(`etcd: "${key}" is not at revision ${revision}`);
    return written;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session.destroy();
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await ended;
  }

  /** A gRPC call with one message each way. */
  async #call(path: string, message: Buffer): Promise<Buffer> {
    const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
    const stream = this.#session.request(headers);
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([prefix, message]));
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(stream, 'end');
    return Buffer.concat(chunks).subarray(5);
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

// The few messages, in protocol buffers' wire format: etcd's rpc.proto has the numbers.

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return [...bytes, rest];
}

function bytesField(number: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(content.length)]), content]);
}

function numberField(number: number, value: number): Buffer {
  return Buffer.from([number << 3, ...varint(value)]);
}

const TARGET_MOD_REVISION = 2;

/** TxnRequest: compare the key's revision, then put. */
function transaction(key: Buffer, value: Buffer, revision: number): Buffer {
  const compare = Buffer.concat([numberField(2, TARGET_MOD_REVISION), bytesField(3, key), numberField(6, revision)]);
  const put = Buffer.concat([bytesField(1, key), bytesField(2, value)]);
  return Buffer.concat([bytesField(1, compare), bytesField(2, bytesField(2, put))]);
}

/** TxnResponse: field 1 is the header, whose field 3 is the revision; field 2 says whether the comparison held. */
function readTransaction(answer: Buffer): { readonly revision: number; readonly succeeded: boolean } {
  const fields = readFields(answer);
  const header = fields.get(1);
  const revision = header instanceof Buffer ? readFields(header).get(3) : undefined;
  return { revision: typeof revision === 'number' ? revision : 0, succeeded: fields.get(2) === 1 };
}

function readFields(bytes: Buffer): Map<number, number | Buffer> {
  const fields = new Map<number, number | Buffer>();
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes.readUInt8(at++);
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = readVarint();
    const number = readVarint();
    const isBytes = (tag & 7) === 2;
    fields.set(tag >> 3, isBytes ? bytes.subarray(at, at + number) : number);
    if (isBytes) at += number;
  }
  return fields;
}
