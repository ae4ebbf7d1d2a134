import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { configOf, digestOf } from './test-images.ts';

export interface TestRegistryOptions {
  /** How it wants to be told who asks; not at all if absent. */
  readonly auth?: 'basic' | 'bearer';
}

const TOKEN = 'token-1';
const PASSWORD = `Basic ${Buffer.from('me:secret').toString('base64')}`;

/** A registry that speaks the OCI's distribution protocol: manifests, indexes, blobs (by a redirect), and both ways to authenticate. */
export class TestRegistry implements AsyncDisposable {
  readonly #server: Server;
  readonly #auth: TestRegistryOptions['auth'];
  readonly #blobs = new Map<string, Buffer>();
  readonly #manifests = new Map<string, { readonly type: string; readonly content: Buffer }>();
  /** Paths that were asked for. */
  readonly asked: string[] = [];

  private constructor(auth: TestRegistryOptions['auth']) {
    this.#auth = auth;
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async start({ auth }: TestRegistryOptions = {}): Promise<TestRegistry> {
    const registry = new TestRegistry(auth);
    registry.#server.listen(0, '127.0.0.1');
    await once(registry.#server, 'listening');
    return registry;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Gives the digest of its index, which has it for this machine and something else for another one. */
  add(name: string, tag: string, layers: readonly Buffer[]): string {
    const config = this.addBlob(configOf(layers, { User: '1000' }));
    const manifest = JSON.stringify({
      schemaVersion: 2,
      config: { digest: config },
      layers: layers.map((layer) => ({ digest: this.addBlob(gzipSync(layer)) })),
    });
    const image = this.#addManifest(name, manifest, 'application/vnd.oci.image.manifest.v1+json');
    const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
    const index = JSON.stringify({
      schemaVersion: 2,
      manifests: [
        { digest: `sha256:${'1'.repeat(64)}`, platform: { os: 'linux', architecture: 's390x' } },
        { digest: image, platform: { os: 'linux', architecture } },
      ],
    });
    return this.#addManifest(name, index, 'application/vnd.oci.image.index.v1+json', tag);
  }

  addBlob(content: Buffer): string {
    const digest = digestOf(content);
    this.#blobs.set(digest, content);
    return digest;
  }

  /** Gives other bytes than it should. */
  spoilBlobs(): void {
    for (const digest of this.#blobs.keys()) this.#blobs.set(digest, Buffer.from('spoiled'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #addManifest(name: string, text: string, type: string, tag?: string): string {
    const content = Buffer.from(text);
    const digest = digestOf(content);
    for (const key of [digest, ...(tag === undefined ? [] : [tag])]) this.#manifests.set(`${name}/${key}`, { type, content });
    return digest;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', `http://${this.host}`);
    this.asked.push(url.pathname);
    if (url.pathname === '/token') return this.#answerToken(request, response, url);
    if (!url.pathname.startsWith('/storage/') && !this.#isAllowed(request)) return this.#challenge(response);
    const [, name = '', kind, key = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(url.pathname) ?? [];
    const manifest = kind === 'manifests' ? this.#manifests.get(`${name}/${key}`) : undefined;
    if (manifest) return void response.setHeader('content-type', manifest.type).end(manifest.content);
    if (kind === 'blobs' && this.#blobs.has(key)) return void response.writeHead(307, { location: `/storage/${key}` }).end();
    const blob = this.#blobs.get(url.pathname.replace('/storage/', ''));
    if (blob) return void response.end(blob);
    response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
  }

  #isAllowed({ headers }: IncomingMessage): boolean {
    if (this.#auth === undefined) return true;
    return headers.authorization === (this.#auth === 'basic' ? PASSWORD : `Bearer ${TOKEN}`);
  }

  #challenge(response: ServerResponse): void {
    const bearer = `Bearer realm="http://${this.host}/token",service="test",scope="repository:team/app:pull"`;
    response.writeHead(401, { 'www-authenticate': this.#auth === 'basic' ? 'Basic realm="test"' : bearer }).end('{}');
  }

  #answerToken({ headers }: IncomingMessage, response: ServerResponse, url: URL): void {
    const isGood = headers.authorization === PASSWORD && url.searchParams.get('scope') === 'repository:team/app:pull';
    response.writeHead(isGood ? 200 : 401).end(JSON.stringify({ token: TOKEN }));
  }
}
