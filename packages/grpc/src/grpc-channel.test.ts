import { mkdtempSync, rmSync } from 'node:fs';
import { constants } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '@keelson/base/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { GrpcChannel, type GrpcChannelOptions } from './grpc-channel.ts';
import { CHAT, ECHO, FreezingProxy, TestServer, type ServerCall } from './testing/test-server.ts';

const opened: (AsyncDisposable | Disposable)[] = [];

afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) {
    if (Symbol.asyncDispose in each) await each[Symbol.asyncDispose]();
    else each[Symbol.dispose]();
  }
});

async function serve(onCall: Parameters<typeof TestServer.start>[0], at?: string | number): Promise<TestServer> {
  const server = await TestServer.start(onCall, at);
  opened.push(server);
  return server;
}

function channelTo(address: string, options: Partial<GrpcChannelOptions> = {}): GrpcChannel {
  const channel = new GrpcChannel({ address, ...options });
  opened.push({ [Symbol.dispose]: () => channel.close() });
  return channel;
}

/** Answers with what came, in capitals. */
const shout = (call: ServerCall, texts: AsyncIterable<string>): void => {
  void (async () => {
    for await (const text of texts) call.send(text.toUpperCase());
    call.finish(0);
  })();
};

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

async function all<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const each of messages) seen.push(each);
  return seen;
}

describe('unary', () => {
  it('gives the answer, over one connection for many calls', async () => {
    const server = await serve(shout);
    const channel = channelTo(server.address);

    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => channel.unary(ECHO, { text: `a${i}` })));

    expect(answers.map(({ text }) => text)).toEqual(Array.from({ length: 20 }, (_, i) => `A${i}`));
    expect(server.sessions.size).toBe(1);
  });

  it('sends metadata and the time that is left', async () => {
    let headers: ServerCall['headers'] = {};
    const server = await serve((call) => {
      headers = call.headers;
      call.reply('');
    });

    await channelTo(server.address, { clock: new ManualClock() }).unary(
      ECHO,
      {},
      { timeoutMs: 1500, metadata: { token: 'secret' } },
    );

    expect(headers).toMatchObject({
      ':path': '/test.Echo/Unary',
      'content-type': 'application/grpc',
      te: 'trailers',
      'grpc-timeout': '1500m',
      token: 'secret',
    });
  });

  it('carries messages that are larger than all windows', async () => {
    const server = await serve(shout);
    const text = 'x'.repeat(900_000);

    const answer = await channelTo(server.address).unary(ECHO, { text });

    expect(answer.text).toBe(text.toUpperCase());
  });

  it('goes over a Unix socket', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'grpc-'));
    const path = join(directory, 's');
    await serve(shout, path);

    const answer = await channelTo(`unix://${path}`).unary(ECHO, { text: 'a' });

    rmSync(directory, { recursive: true });
    expect(answer.text).toBe('A');
  });

  it.each([
    { title: 'after a response that has begun', end: (call: ServerCall) => call.finish(5, 'no such thing: “é”') },
    {
      title: 'instead of a response',
      end: ({ stream }: ServerCall) =>
        stream.respond(
          { ':status': 200, 'grpc-status': '5', 'grpc-message': encodeURIComponent('no such thing: “é”') },
          { endStream: true },
        ),
    },
  ])('rejects with the status that the server gives $title', async ({ end }) => {
    const server = await serve(end);

    const error = await failure(channelTo(server.address).unary(ECHO, {}));

    expect(error).toMatchObject({ grpcCode: 'NOT_FOUND', reason: 'NotFound', sent: true, message: 'no such thing: “é”' });
  });

  it.each([
    { status: 503, code: 'UNAVAILABLE' },
    { status: 404, code: 'UNIMPLEMENTED' },
    { status: 418, code: 'UNKNOWN' },
  ])('takes HTTP status $status for $code', async ({ status, code }) => {
    const server = await serve(({ stream }) => stream.respond({ ':status': status }, { endStream: true }));

    expect(await failure(channelTo(server.address).unary(ECHO, {}))).toMatchObject({ grpcCode: code });
  });

  it('gives up at the deadline, and tells the server', async () => {
    const clock = new ManualClock();
    const reset = Promise.withResolvers<number>();
    const arrived = Promise.withResolvers<void>();
    const server = await serve(({ stream }) => {
      stream.on('close', () => reset.resolve(stream.rstCode));
      arrived.resolve();
    });

    const answer = failure(channelTo(server.address, { clock }).unary(ECHO, {}, { timeoutMs: 100 }));
    await arrived.promise;
    await clock.advance(100);

    expect(await answer).toMatchObject({ grpcCode: 'DEADLINE_EXCEEDED', reason: 'Timeout', sent: true });
    expect(await reset.promise).toBe(constants.NGHTTP2_CANCEL);
  });

  it('gives up when the signal aborts, or does not begin', async () => {
    const controller = new AbortController();
    const server = await serve(() => controller.abort(new Error('enough')));
    const channel = channelTo(server.address);

    const during = await failure(channel.unary(ECHO, {}, { signal: controller.signal }));
    const before = await failure(channel.unary(ECHO, {}, { signal: controller.signal }));

    expect(during).toMatchObject({ grpcCode: 'CANCELLED', sent: true, message: 'The call was cancelled: enough' });
    expect(before).toMatchObject({ grpcCode: 'CANCELLED', sent: false });
  });

  it.each([
    { title: 'no message', end: (call: ServerCall) => call.finish(0), code: 'INTERNAL' },
    {
      title: 'two messages',
      end: (call: ServerCall) => {
        call.send('a');
        call.reply('b');
      },
      code: 'INTERNAL',
    },
    { title: 'a message over the limit', end: (call: ServerCall) => call.reply('x'.repeat(2000)), code: 'RESOURCE_EXHAUSTED' },
    {
      title: 'a compressed message',
      end: ({ stream }: ServerCall) => {
        stream.respond({ ':status': 200 });
        stream.end(Buffer.from([1, 0, 0, 0, 0]));
      },
      code: 'INTERNAL',
    },
    {
      title: 'a message that is none',
      end: ({ stream }: ServerCall) => {
        stream.respond({ ':status': 200, 'grpc-status': '0' });
        stream.end(Buffer.from([0, 0, 0, 0, 2, 0x0a, 0x7f]));
      },
      code: 'INTERNAL',
    },
  ])('refuses $title', async ({ end, code }) => {
    const server = await serve(end);

    const error = await failure(channelTo(server.address, { maxMessageBytes: 1000 }).unary(ECHO, {}));

    expect(error).toMatchObject({ grpcCode: code, sent: true });
  });
});

describe('stream', () => {
  it('carries messages both ways until the server ends it', async () => {
    const server = await serve(shout);
    const stream = await channelTo(server.address).stream(CHAT);
    const answers: string[] = [];

    stream.send({ text: 'a' });
    for await (const { text } of stream.messages) {
      answers.push(text);
      if (answers.length < 3) stream.send({ text: `b${answers.length}` });
      else stream.end();
    }

    expect(answers).toEqual(['A', 'B1', 'B2']);
  });

  it('gives all messages that came before a failure', async () => {
    const server = await serve((call) => {
      call.send('a');
      call.send('b');
      call.finish(14, 'shutting down');
    });
    const stream = await channelTo(server.address).stream(CHAT);
    const answers: string[] = [];

    const error = await failure(
      (async () => {
        for await (const { text } of stream.messages) answers.push(text);
      })(),
    );

    expect(answers).toEqual(['a', 'b']);
    expect(error).toMatchObject({ grpcCode: 'UNAVAILABLE', message: 'shutting down', sent: true });
  });

  it('tells the server when it is left or given up', async () => {
    const codes: number[] = [];
    const both = Promise.withResolvers<void>();
    const server = await serve((call) => {
      call.send('a');
      call.stream.on('close', () => {
        if (codes.push(call.stream.rstCode) === 2) both.resolve();
      });
    });
    const channel = channelTo(server.address);
    const left = await channel.stream(CHAT);
    const cancelled = await channel.stream(CHAT);

    for await (const _ of left.messages) break;
    cancelled.cancel();
    const error = await failure(all(cancelled.messages));
    await both.promise;

    expect(codes).toEqual([constants.NGHTTP2_CANCEL, constants.NGHTTP2_CANCEL]);
    expect(error).toMatchObject({ grpcCode: 'CANCELLED' });
  });

  it('lets the server send no more than is read', async () => {
    let sent = 0;
    const blocked = Promise.withResolvers<void>();
    const server = await serve(({ stream, send }) => {
      const fill = (): void => {
        for (let ready = true; ready && sent < 64; sent += 1) ready = send('x'.repeat(1_000_000));
        blocked.resolve();
      };
      stream.on('drain', fill);
      fill();
    });
    const channel = channelTo(server.address);
    const stream = await channel.stream(CHAT);
    await blocked.promise;
    // Whatever the server wants to send may come meanwhile.
    for (let i = 0; i < 20; i++) await channel.probe();
    const sentUnread = sent;

    let read = 0;
    for await (const _ of stream.messages) if (++read === 64) break;

    expect(sentUnread).toBeLessThan(20);
    expect(read).toBe(64);
  });
});

describe('a server that fails', () => {
  it('is told from one that was reached: nothing was sent', async () => {
    const server = await TestServer.start(shout);
    const { address } = server;
    await server[Symbol.asyncDispose]();

    const error = await failure(channelTo(address).unary(ECHO, {}));

    expect(error).toMatchObject({
      grpcCode: 'UNAVAILABLE',
      sent: false,
      message: expect.stringContaining(`Cannot connect to "${address}"`),
    });
  });

  it('breaks off calls that may have been made, and is found again', async () => {
    const arrived = Promise.withResolvers<void>();
    const server = await TestServer.start(() => arrived.resolve());
    const channel = channelTo(server.address);
    const call = failure(channel.unary(ECHO, {}));
    await arrived.promise;
    await server[Symbol.asyncDispose]();
    const broken = await call;
    await serve(shout, server.port);

    const again = await channel.unary(ECHO, { text: 'a' });

    expect(broken).toMatchObject({ grpcCode: 'UNAVAILABLE', sent: true });
    expect(again.text).toBe('A');
  });

  it('says which calls it has not begun with', async () => {
    const server = await serve(({ stream }) => stream.close(constants.NGHTTP2_REFUSED_STREAM));

    expect(await failure(channelTo(server.address).unary(ECHO, {}))).toMatchObject({ grpcCode: 'UNAVAILABLE', sent: false });
  });

  it('finishes the calls that it has when it goes away, and gets no new ones', async () => {
    const calls: ServerCall[] = [];
    const arrived = Promise.withResolvers<void>();
    const server = await serve((call) => {
      calls.push(call);
      if (calls.length === 1) arrived.resolve();
      else call.reply('second connection');
    });
    const channel = channelTo(server.address);
    const first = channel.unary(ECHO, {});
    await arrived.promise;
    const [session] = server.sessions;
    session?.goaway(constants.NGHTTP2_NO_ERROR, 1);
    calls[0]?.reply('finished');

    expect((await first).text).toBe('finished');
    expect((await channel.unary(ECHO, {})).text).toBe('second connection');
  });

  it('is given up if it shows no sign of life while a call waits', async () => {
    const clock = new ManualClock();
    const arrived = Promise.withResolvers<void>();
    const server = await serve(() => arrived.resolve());
    const proxy = await FreezingProxy.start(server.port);
    opened.push(proxy);
    const channel = channelTo(proxy.address, { clock, keepAliveMs: 1000, keepAliveTimeoutMs: 500 });
    const call = failure(channel.unary(ECHO, {}));
    await arrived.promise;
    expect(await channel.probe()).toBe(true);

    proxy.freeze();
    await clock.advance(1600);

    expect(await call).toMatchObject({ grpcCode: 'UNAVAILABLE', sent: true });
  });

  it('is not waited for longer than it may take to connect', async () => {
    const clock = new ManualClock();
    const server = await serve(shout);
    const proxy = await FreezingProxy.start(server.port);
    opened.push(proxy);
    const channel = channelTo(proxy.address.replace('http:', 'https:'), { clock, connectTimeoutMs: 100 });

    const call = failure(channel.unary(ECHO, {}));
    await clock.advance(100);

    expect(await call).toMatchObject({ grpcCode: 'UNAVAILABLE', sent: false });
  });

  it('cannot be called once the channel is closed', async () => {
    const server = await serve(() => undefined);
    const channel = channelTo(server.address);
    const waiting = await channel.stream(CHAT);

    channel.close();

    expect(await failure(all(waiting.messages))).toMatchObject({ grpcCode: 'UNAVAILABLE' });
    expect(await failure(channel.unary(ECHO, {}))).toMatchObject({ grpcCode: 'UNAVAILABLE', sent: false });
  });
});
