import { pipeline } from 'node:stream/promises';
import { Writable, type Readable } from 'node:stream';
import { statusOf, stringifyJson } from '@keelson/api';
import { stringify as stringifyYaml } from 'yaml';
import type { Clock } from '@keelson/base';
import { converterOf } from '../convert/versions.ts';
import type { ApiResult, ContentResult, ListResult, ObjectResult, WatchResult } from '../response/api-result.ts';
import { ExpiredToken } from '../verbs/list.ts';
import { canEncode, encodeObject, PROTOBUF } from '../protobuf/index.ts';
import type { Representation } from '../response/representation.ts';
import type { Representer } from '../response/representer.ts';
import { servedObject } from '../response/served-object.ts';
import { GZIP_MIN_BYTES, gzip, takesGzip } from './compression.ts';
import type { BodyWriter, Exchange, HeaderValues } from './exchange.ts';
import { listBody } from './list-body.ts';
import { WatchWriter } from './watch-writer.ts';

/** One answer on its way out. */
export interface Answer {
  readonly exchange: Exchange;
  readonly headers: HeaderValues;
  readonly representation: Representation;
  readonly pretty: boolean;
  /** `includeObject` of a Table. */
  readonly includeObject: string | undefined;
}

const SMALL_LIST_BYTES = 1024 * 1024;

/** Hot path: writes results to HTTP. */
export class ResultSender {
  readonly #clock: Clock;
  readonly #representer: Representer;

  constructor(clock: Clock, representer: Representer) {
    this.#clock = clock;
    this.#representer = representer;
  }

  /** Resolves when the answer is written, or for a watch when it has begun. Gives the HTTP status. */
  async send(answer: Answer, result: Exclude<ApiResult, { type: 'connect' }>): Promise<number> {
    switch (result.type) {
      case 'object':
        return this.#sendObject(answer, result);
      case 'list':
        return this.#sendList(answer, result);
      case 'objects': {
        const { representation, includeObject } = answer;
        return sendValue(answer, 200, this.#representer.objects(representation, result, includeObject));
      }
      case 'value': {
        const value = result.definition
          ? this.#representer.value(answer.representation, result.definition, { value: result.value, ...answer })
          : result.value;
        return sendValue(answer, result.status, value);
      }
      case 'content':
        return sendContent(answer, result);
      case 'watch':
        return this.#sendWatch(answer, result);
    }
  }

  /** A Status for what was thrown. */
  sendError(answer: Answer, error: unknown): Promise<number> {
    const status = statusOf(error);
    const { headers } = answer;
    const retryAfter = status.details?.retryAfterSeconds;
    if (retryAfter !== undefined) headers['Retry-After'] = retryAfter;
    const value = error instanceof ExpiredToken ? { ...status, metadata: { continue: error.continue } } : status;
    return sendValue(answer, status.code ?? 500, value);
  }

  async #sendObject(answer: Answer, result: ObjectResult): Promise<number> {
    const { definition, item, status } = result;
    const { representation, exchange, headers } = answer;
    const isPlain = representation.as === 'object' && representation.mediaType === 'application/json' && !answer.pretty;
    if (!isPlain || converterOf(definition)) {
      const object = servedObject(definition, item);
      return sendValue(answer, status, this.#representer.value(representation, definition, { value: object, ...answer }));
    }
    const length = item.wholeLength;
    if (length >= GZIP_MIN_BYTES) return sendBytes(answer, status, { bytes: item.bytes(), contentType: JSON_TYPE });
    const bytes = Buffer.allocUnsafe(length + 1);
    bytes[item.writeWhole(bytes, 0)] = 10;
    headers['Content-Type'] = JSON_TYPE;
    exchange.send(status, headers, bytes);
    return status;
  }

  async #sendList(answer: Answer, result: ListResult): Promise<number> {
    const { representation, exchange, headers, pretty } = answer;
    if (representation.as !== 'object' || representation.mediaType !== 'application/json' || pretty) {
      return sendValue(answer, 200, this.#representer.list(representation, result, answer.includeObject));
    }
    const body = listBody(result);
    const compressed = body.length >= GZIP_MIN_BYTES && takesGzip(exchange.headers['accept-encoding']);
    if (!compressed && body.length < SMALL_LIST_BYTES) {
      headers['Content-Type'] = JSON_TYPE;
      exchange.send(200, headers, Buffer.concat([...body.pieces()]));
      return 200;
    }
    headers['Content-Type'] = JSON_TYPE;
    if (compressed) Object.assign(headers, { 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding' });
    else headers['Content-Length'] = body.length;
    const writer = exchange.begin(200, headers);
    const pieces = body.pieces();
    if (compressed) await pipeline(pieces, gzip(), writableOf(writer, exchange));
    else await pipeline(pieces, writableOf(writer, exchange));
    return 200;
  }

  async #sendWatch({ exchange, headers, representation, includeObject }: Answer, result: WatchResult): Promise<number> {
    const format = this.#representer.watchFormat(representation, result.definition, includeObject);
    headers['Content-Type'] = format.contentType;
    const body = exchange.begin(200, headers);
    const writer = new WatchWriter(body, format, this.#clock);
    const opened = result.open(writer);
    writer.onCut = () => opened[Symbol.dispose]();
    exchange.onClose(() => opened[Symbol.dispose]());
    return 200;
  }
}

const JSON_TYPE = 'application/json';

/** Any JSON value, in the media type that was asked for. */
async function sendValue(answer: Answer, status: number, value: unknown): Promise<number> {
  const { mediaType } = answer.representation;
  if (mediaType === PROTOBUF && canEncode(value)) {
    return sendBytes(answer, status, { bytes: encodeObject(value), contentType: PROTOBUF });
  }
  const text = mediaType === 'application/yaml' ? stringifyYaml(value) : stringifyJsonValue(value, answer.pretty);
  return sendBytes(answer, status, { bytes: Buffer.from(text), contentType: mediaType === PROTOBUF ? JSON_TYPE : mediaType });
}

function stringifyJsonValue(value: unknown, pretty: boolean): string {
  return `${pretty ? indented(value) : stringifyJson(value)}\n`;
}

/** JSON for people; in one line if it has integers that a `number` cannot hold, which cannot be indented. */
function indented(value: unknown): string {
  try {
    return JSON.stringify(value, null, 2);
  } catch {
    return stringifyJson(value);
  }
}

async function sendBytes(
  { exchange, headers }: Answer,
  status: number,
  { bytes, contentType }: { bytes: Buffer; contentType: string },
): Promise<number> {
  headers['Content-Type'] = contentType;
  const isEncoded = headers['Content-Encoding'] !== undefined;
  if (isEncoded || bytes.length < GZIP_MIN_BYTES || !takesGzip(exchange.headers['accept-encoding'])) {
    exchange.send(status, headers, bytes);
    return status;
  }
  headers['Content-Encoding'] = 'gzip';
  headers['Vary'] = 'Accept-Encoding';
  const writer = exchange.begin(status, headers);
  await pipeline([bytes], gzip(), writableOf(writer, exchange));
  return status;
}

async function sendContent(answer: Answer, { status, contentType, body, headers: own }: ContentResult): Promise<number> {
  Object.assign(answer.headers, own);
  if (typeof body === 'string') return sendBytes(answer, status, { bytes: Buffer.from(body), contentType });
  if (body instanceof Uint8Array) return sendBytes(answer, status, { bytes: Buffer.from(body), contentType });
  answer.headers['Content-Type'] = contentType;
  const writer = answer.exchange.begin(status, answer.headers);
  const source = body as Readable;
  answer.exchange.onClose(() => source.destroy());
  // What breaks off in the middle can only be cut off: its status is sent already.
  await pipeline(source, writableOf(writer, answer.exchange)).catch(() => answer.exchange.destroy());
  return status;
}

/** A Node stream into the answer, with back-pressure. Ends early, without an error, when the client goes. */
function writableOf(writer: BodyWriter, exchange: Exchange): Writable {
  let gone = false;
  let waiting: (() => void) | undefined;
  const proceed = (): void => {
    const done = waiting;
    waiting = undefined;
    done?.();
  };
  exchange.onClose(() => {
    gone = true;
    proceed();
  });
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (gone) return done();
      writer.write(chunk);
      if (writer.backlogBytes < SMALL_LIST_BYTES) return done();
      waiting = done;
      writer.onDrain(proceed);
    },
    final(done) {
      if (!gone) writer.end();
      done();
    },
  });
}
