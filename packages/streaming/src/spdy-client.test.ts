import { once } from 'node:events';
import { request } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSpdyPortForward } from './port-forward-client.ts';
import { openSpdyProcess, SPDY_PROTOCOLS, spdyRequestHeaders } from './spdy-client.ts';
import { PodServer } from './testing/pod-server.ts';

let server: PodServer;
beforeEach(async () => {
  server = await PodServer.serve();
});
afterEach(() => server[Symbol.asyncDispose]());

async function upgrade(path: string, protocol: string): Promise<Duplex> {
  const url = new URL(`/api/v1/namespaces/default/pods/web/${path}`, server.url);
  const outgoing = request(url, { method: 'POST', headers: spdyRequestHeaders(protocol) }).end();
  const [, socket] = await once(outgoing, 'upgrade');
  return socket;
}

async function exec(command: readonly string[], signal?: AbortSignal) {
  const query = new URLSearchParams({ stdin: 'true', stdout: 'true', stderr: 'true' });
  for (const word of command) query.append('command', word);
  const socket = await upgrade(`exec?${query}`, SPDY_PROTOCOLS.remoteProcess);
  return openSpdyProcess({ socket, stdin: true, tty: false, ...(signal && { signal }) });
}

describe('openSpdyProcess', () => {
  it('carries input, with its end, outputs and the exit code', async () => {
    const remote = await exec(['sh', '-c', 'tr a-z A-Z; echo bad >&2; exit 3']);

    remote.stdin.end('hello\n');
    const outputs = await Promise.all([text(remote.stdout), text(remote.stderr)]);

    expect(outputs).toEqual(['HELLO\n', 'bad\n']);
    expect(await remote.exitCode).toBe(3);
    await remote[Symbol.asyncDispose]();
  });

  it('gives all of a long output', async () => {
    await using remote = await exec(['sh', '-c', 'head -c 3000000 /dev/zero']);
    remote.stderr.resume();

    expect((await text(remote.stdout)).length).toBe(3_000_000);
    expect(await remote.exitCode).toBe(0);
  });

  it('says why a command could not be run', async () => {
    await using remote = await exec(['/no/such/program']);
    for (const output of [remote.stdout, remote.stderr]) output.resume();

    await expect(remote.exitCode).rejects.toThrow('ENOENT');
  });

  it('lets go of the command when it is told to', async () => {
    const controller = new AbortController();
    const remote = await exec(['sleep', '1000'], controller.signal);

    controller.abort(new Error('enough'));

    await expect(remote.exitCode).rejects.toThrow('enough');
    await expect.poll(() => server.ended).toEqual(['SIGKILL']);
  });
});

describe('openSpdyPortForward', () => {
  it('carries connections, several at a time, and says which could not be made', async () => {
    const echo = createServer((socket) => void socket.pipe(socket)).listen(0, '127.0.0.1');
    await once(echo, 'listening');
    const { port } = echo.address() as AddressInfo;
    const session = openSpdyPortForward({ socket: await upgrade('portforward', SPDY_PROTOCOLS.portForward) });

    const connections = [session.connect(port), session.connect(port)];
    for (const [index, connection] of connections.entries()) connection.end(`hello ${index}`);
    const answers = await Promise.all(connections.map((connection) => text(connection)));
    echo.close();
    const refused = session.connect(port);

    await expect(text(refused)).rejects.toMatchObject({
      reason: 'ServiceUnavailable',
      message: expect.stringContaining('REFUSED'),
    });
    expect(answers).toEqual(['hello 0', 'hello 1']);
    await session[Symbol.asyncDispose]();
  });
});
