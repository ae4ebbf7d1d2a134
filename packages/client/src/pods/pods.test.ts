import { once } from 'node:events';
import { connect } from 'node:net';
import { duplexPair, type Duplex } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { attach, createClient, exec, httpsTransport, logs, portForward } from '../index.ts';
import { PlayedSession, PodApi, type PodApiOptions } from '../testing/pod-api.ts';

async function setUp(options: PodApiOptions = {}) {
  const api = await PodApi.serve(options);
  const client = createClient(httpsTransport(api.config));
  onTestFinished(async () => {
    await client.transport.close();
    await api[Symbol.asyncDispose]();
  });
  return { api, client };
}

/** Greets each connection and echoes it; nobody listens on port 81. */
async function echo(port: number): Promise<Duplex> {
  if (port === 81) throw new Error('connection refused');
  const [near, far] = duplexPair();
  far.write(`${port}:`);
  far.pipe(far);
  return near;
}

describe('logs', () => {
  it('gives what is written as it is written, until the reader leaves', async () => {
    const { api, client } = await setUp();
    api.log.write('one\n');

    const log = await logs(client, { name: 'web', container: 'main', follow: true, tailLines: 0, timestamps: false });
    const lines: string[] = [];
    for await (const chunk of log) {
      lines.push(Buffer.from(chunk).toString());
      if (lines.length === 2) break;
      api.log.write('two\n');
    }

    expect(lines).toEqual(['one\n', 'two\n']);
    expect(api.seen).toEqual(['tester GET /api/v1/namespaces/default/pods/web/log?container=main&follow=true&tailLines=0']);
    await expect.poll(() => api.log.destroyed).toBe(true);
  });

  it("fails with the server's reason", async () => {
    const { client } = await setUp();

    await expect(logs(client.transport, { name: 'gone', namespace: 'other' })).rejects.toMatchObject({
      reason: 'NotFound',
      message: 'pods "gone" not found',
    });
  });
});

describe.each([undefined, ['v4.channel.k8s.io']])('exec where the server speaks %s', (protocols) => {
  it('carries outputs and the exit code', async () => {
    const played = new PlayedSession();
    const { api, client } = await setUp({ process: played, ...(protocols && { protocols }) });

    const process = await exec(client, { name: 'web', command: ['sh', '-c', 'a b'], stdin: true });
    process.stdin.write('question');
    const [question] = (await once(played.stdin, 'data')) as [Buffer];
    played.stdout.write('answer');
    played.stderr.write('trouble');
    played.exit(3);
    const results = await Promise.all([text(process.stdout), text(process.stderr), process.exitCode]);

    expect([question.toString(), ...results]).toEqual(['question', 'answer', 'trouble', 3]);
    expect(api.seen).toEqual([
      'tester GET /api/v1/namespaces/default/pods/web/exec?command=sh&command=-c&command=a+b&stdin=true&stdout=true&stderr=true',
    ]);
  });
});

describe('exec', () => {
  it('ends the input, and takes megabytes both ways', async () => {
    const played = new PlayedSession();
    const { client } = await setUp({ process: played });
    const sent = Buffer.alloc(5 << 20, 'keelson');

    const process = await exec(client, { name: 'web', command: ['cat'], stdin: true });
    played.stdin.pipe(played.stdout).once('finish', () => played.exit(0));
    process.stdin.end(sent);
    const received = await buffer(process.stdout);

    expect(received.equals(sent)).toBe(true);
    expect(await process.exitCode).toBe(0);
  });

  it('lets go of the command when it is aborted', async () => {
    const played = new PlayedSession();
    const { client } = await setUp({ process: played });
    const controller = new AbortController();
    const process = await exec(client, { name: 'web', command: ['sleep'], signal: controller.signal });

    controller.abort(new Error('enough'));

    await expect(process.exitCode).rejects.toThrow('enough');
    await expect.poll(() => played.isLetGo).toBe(true);
  });

  it("fails with the server's reason", async () => {
    const { client } = await setUp();

    await expect(exec(client, { name: 'gone', command: ['true'] })).rejects.toMatchObject({ reason: 'NotFound' });
  });
});

describe('attach', () => {
  it('joins a terminal', async () => {
    const played = new PlayedSession();
    const { client } = await setUp({ process: played });

    await using process = await attach(client, { name: 'web', container: 'main', stdin: true, tty: true });
    process.resize(132, 43);

    await expect.poll(() => played.sizes).toEqual(['132x43']);
  });
});

describe.each([undefined, ['v4.channel.k8s.io']])('portForward where the server speaks %s', (protocols) => {
  const options = { dial: echo, ...(protocols && { protocols }) };

  it('gives connections one after the other and at a time', async () => {
    const { client } = await setUp(options);
    await using forward = await portForward(client, { name: 'web', port: 80 });

    const greet = async (): Promise<string> => {
      const connection = await forward.connect();
      connection.write('hello');
      let received = '';
      for await (const chunk of connection as AsyncIterable<Buffer>) {
        received += chunk.toString();
        if (received.endsWith('hello')) break;
      }
      return received;
    };

    expect(await Promise.all([greet(), greet()])).toEqual(['80:hello', '80:hello']);
    expect(await greet()).toBe('80:hello');
  });

  it('fails where nobody listens, and says so to its own listener', async () => {
    const { client } = await setUp(options);
    await using forward = await portForward(client, { name: 'web', port: 81 });
    const errors: unknown[] = [];
    const port = await forward.listen({ onError: (error) => errors.push(error) });

    const answer = await text(connect(port, '127.0.0.1'));

    expect(answer).toBe('');
    const refused = expect.objectContaining({ message: 'error forwarding port 81 to pod: connection refused' }) as unknown;
    await expect.poll(() => errors).toEqual([refused]);
    await expect(forward.connect().then(text)).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
  });
});

describe('portForward', () => {
  it('listens, and forwards each connection with its end', async () => {
    const { client } = await setUp({ dial: echo });
    await using forward = await portForward(client, { name: 'web', port: 80 });
    const port = await forward.listen();

    const answers = await Promise.all(
      ['one', 'two'].map((word) => {
        const socket = connect(port, '127.0.0.1');
        socket.end(word);
        return text(socket);
      }),
    );

    expect(answers).toEqual(['80:one', '80:two']);
  });
});
