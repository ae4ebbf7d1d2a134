import { badRequest } from '@keelson/api';
import { errorMessage } from '@keelson/base';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { Message, RAW, STRING, type Field } from './codec.ts';
import { definitionOfKind, messageOf } from './messages.ts';

export const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** What every object begins with (kubernetes.io/docs/reference/using-api/api-concepts, protobuf encoding). */
const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0]);

const one = (number: number, name: string, codec: Field['codec']): Field => ({
  number,
  name,
  codec,
  shape: 'single',
  dropsZero: true,
});
const TYPE_META = new Message(() => [one(1, 'apiVersion', STRING), one(2, 'kind', STRING)]);
/** `runtime.Unknown`. */
const UNKNOWN = new Message(() => [
  one(1, 'typeMeta', TYPE_META),
  one(2, 'raw', RAW),
  one(3, 'contentEncoding', STRING),
  one(4, 'contentType', STRING),
]);
const RAW_EXTENSION = new Message(() => [one(1, 'raw', RAW)]);
const WATCH_EVENT = new Message(() => [one(1, 'type', STRING), one(2, 'object', RAW_EXTENSION)]);

const NOTHING = new Uint8Array();

interface Head {
  readonly kind: string;
  readonly apiVersion: string;
  readonly [field: string]: unknown;
}

/** Whether a value is an object that can be written. */
export function canEncode(value: unknown): value is Head {
  const { kind, apiVersion } = (value ?? {}) as { kind?: unknown; apiVersion?: unknown };
  return typeof kind === 'string' && typeof apiVersion === 'string' && definitionOfKind(apiVersion, kind) !== undefined;
}

/** An object as protobuf, in its envelope. It has to be one that `canEncode`. */
export function encodeObject(object: Head): Buffer {
  const { kind, apiVersion } = object;
  const body = new BinaryWriter();
  const message = messageOf(definitionOfKind(apiVersion, kind) ?? '');
  if (message instanceof Message) message.writeFields(body, object);
  const envelope = new BinaryWriter();
  UNKNOWN.writeFields(envelope, { typeMeta: { apiVersion, kind }, raw: body.finish(), contentEncoding: '', contentType: '' });
  return Buffer.concat([MAGIC, envelope.finish()]);
}

/** One event of a watch: its length in four bytes, then the event. */
export function encodeWatchEvent({ type, object }: { readonly type: string; readonly object: Head }): Buffer {
  const body = new BinaryWriter();
  WATCH_EVENT.writeFields(body, { type, object: { raw: encodeObject(object) } });
  const bytes = body.finish();
  const frame = Buffer.allocUnsafe(4 + bytes.length);
  frame.writeUInt32BE(bytes.length);
  frame.set(bytes, 4);
  return frame;
}

/** The object of an envelope as JSON has it, with its kind and apiVersion. Throws `BadRequest`. */
export function decodeObject(data: Uint8Array): Record<string, unknown> {
  if (!MAGIC.equals(data.subarray(0, MAGIC.length))) {
    throw badRequest('provided data does not appear to be a protobuf message, expected prefix "k8s\\u0000"');
  }
  try {
    const { typeMeta, raw = NOTHING } = readAll(UNKNOWN, data.subarray(MAGIC.length)) as {
      typeMeta?: Partial<Head>;
      raw?: Uint8Array;
    };
    const { apiVersion = '', kind = '' } = typeMeta ?? {};
    const name = definitionOfKind(apiVersion, kind);
    const message = name === undefined ? undefined : messageOf(name);
    if (!(message instanceof Message)) throw new TypeError(`no kind "${kind}" is registered for version "${apiVersion}"`);
    return { kind, apiVersion, ...readAll(message, raw) };
  } catch (error) {
    throw badRequest(`unable to decode protobuf: ${errorMessage(error)}`);
  }
}

function readAll(message: Message, bytes: Uint8Array): Record<string, unknown> {
  const reader = new BinaryReader(bytes);
  const values: Record<string, unknown> = {};
  message.readFields(values, { reader, end: reader.len, depth: 0 });
  return values;
}
