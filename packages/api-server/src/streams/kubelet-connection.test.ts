import { once } from 'node:events';
import { createServer as createHttpServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import { createServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Node } from '@keelson/api/core/v1';
import { createAuthority } from '@keelson/pki';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KubeletConnection, kubeletAddress } from './kubelet-connection.ts';

const BURST = Array.from({ length: 50 }, (_, at) => `${at} `.padEnd(5000, '.'));

describe('KubeletConnection', () => {
  let kubelet: HttpsServer;
  let front: Server;
  let connection: KubeletConnection;
  let node: Node;

  beforeEach(async () => {
    const authority = await createAuthority({ commonName: 'ca' });
    const [serving, client] = await Promise.all([
      authority.issue({ commonName: 'node', ipAddresses: ['127.0.0.1'], usages: ['server'] }),
      authority.issue({ commonName: 'kube-apiserver-kubelet-client', usages: ['client'] }),
    ]);
    const ca = authority.certificate;
    kubelet = createServer(
      { cert: serving.certificate, key: serving.privateKey, ca, requestCert: true, rejectUnauthorized: true },
      (request, response) => {
        const user = [(request.socket as TLSSocket).getPeerCertificate().subject.CN].flat()[0];
        if (request.url === '/missing') response.writeHead(404).end('container not found');
        else response.end(`${user} asked for ${request.url}`);
      },
    );
    kubelet.on('upgrade', (request: IncomingMessage, socket: Socket) => {
      if (request.url === '/refuse')
        return void socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno');
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${request.headers.upgrade}\r\n\r\n`);
      socket.on('error', () => undefined);
      if (request.url !== '/burst') return void socket.pipe(socket);
      for (const piece of BURST) socket.write(piece);
      return void socket.end();
    });
    kubelet.listen(0, '127.0.0.1');
    await once(kubelet, 'listening');
    const { port } = kubelet.address() as AddressInfo;
    node = {
      metadata: { name: 'n' },
      status: { addresses: [{ type: 'InternalIP', address: '127.0.0.1' }], daemonEndpoints: { kubeletEndpoint: { Port: port } } },
    };
    connection = new KubeletConnection({
      tls: { ca, certificate: client.certificate, privateKey: client.privateKey },
      timeoutMs: 30_000,
    });
    front = createHttpServer();
    front.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      void connection.upgrade({ node, method: 'GET', path: request.url ?? '', headers: request.headers }, socket, head);
    });
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
  });

  afterEach(() => {
    connection.close();
    front.closeAllConnections();
    front.close();
    kubelet.closeAllConnections();
    kubelet.close();
  });

  it('shows its certificate and gives the body', async () => {
    const answer = await connection.request({ node, method: 'GET', path: '/containerLogs/x' });

    expect(Buffer.concat(await Array.fromAsync<Buffer>(answer)).toString()).toBe(
      'kube-apiserver-kubelet-client asked for /containerLogs/x',
    );
  });

  it("turns a refusal into an error with the kubelet's words", async () => {
    await expect(connection.request({ node, method: 'GET', path: '/missing' })).rejects.toMatchObject({
      reason: 'NotFound',
      message: 'container not found',
    });
  });

  it('says that a kubelet cannot be reached', async () => {
    const away: Node = { ...node, status: { ...node.status, daemonEndpoints: { kubeletEndpoint: { Port: 1 } } } };

    await expect(connection.request({ node: away, method: 'GET', path: '/x' })).rejects.toMatchObject({
      reason: 'ServiceUnavailable',
    });
    expect(() => kubeletAddress({ metadata: { name: 'silent' } })).toThrow('has not said where its kubelet listens');
  });

  it('joins the two ends of an upgraded connection', async () => {
    const { port } = front.address() as AddressInfo;
    const outgoing = httpRequest({
      port,
      host: '127.0.0.1',
      path: '/exec',
      headers: { connection: 'Upgrade', upgrade: 'echo' },
    }).end();
    const [answer, socket] = (await once(outgoing, 'upgrade')) as [IncomingMessage, Socket];
    socket.write('hello');
    const [echoed] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();

    expect(answer.headers.upgrade).toBe('echo');
    expect(echoed.toString()).toBe('hello');
  });

  it('writes to a client piece by piece, as the kubelet sent it, and all of it before the end', async () => {
    const written: string[][] = [];
    const client = new Duplex({
      read: () => undefined,
      writev: (chunks, done) => {
        written.push(chunks.map(({ chunk }) => String(chunk)));
        setImmediate(done);
      },
    });
    const headers = { connection: 'Upgrade', upgrade: 'echo' };

    await connection.upgrade({ node, method: 'GET', path: '/burst', headers }, client, Buffer.alloc(0));

    expect(new Set(written.map(({ length }) => length))).toEqual(new Set([1]));
    expect(written.flat().join('').split('\r\n\r\n')[1]).toBe(BURST.join(''));
  });

  it('passes on that a kubelet refuses to upgrade', async () => {
    const { port } = front.address() as AddressInfo;
    const outgoing = httpRequest({
      port,
      host: '127.0.0.1',
      path: '/refuse',
      headers: { connection: 'Upgrade', upgrade: 'echo' },
    }).end();
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];

    expect(answer.statusCode).toBe(403);
    expect(Buffer.concat(await Array.fromAsync<Buffer>(answer)).toString()).toBe('no');
  });
});
