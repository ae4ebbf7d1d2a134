import { WireType, type BinaryReader, type BinaryWriter } from '@bufbuild/protobuf/wire';

/** Values nested deeper than this are refused. */
const MAX_DEPTH = 200;

/** How one value goes over the wire, without its tag. */
export interface Codec {
  readonly wire: WireType;
  /** The value as JSON has it; `undefined` for one that JSON leaves out. */
  read(reader: BinaryReader, depth: number): unknown;
  write(writer: BinaryWriter, value: unknown): void;
}

/** Numbers on the wire may be beyond what a `number` holds. */
function fromInt64(value: bigint | string): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : BigInt(value);
}

const LENGTH = WireType.LengthDelimited;

export const STRING: Codec = {
  wire: LENGTH,
  read: (reader) => reader.string(),
  write: (writer, value) => writer.string(String(value)),
};
/** Base64 in JSON. */
export const BYTES: Codec = {
  wire: LENGTH,
  read: (reader) => Buffer.from(reader.bytes()).toString('base64'),
  write: (writer, value) => writer.bytes(Buffer.from(String(value), 'base64')),
};
/** As they are, for what is never JSON. */
export const RAW: Codec = {
  wire: LENGTH,
  read: (reader) => reader.bytes(),
  write: (writer, value) => writer.bytes(value as Uint8Array),
};
export const BOOL: Codec = {
  wire: WireType.Varint,
  read: (reader) => reader.bool(),
  write: (writer, value) => writer.bool(value === true),
};
export const INT32: Codec = {
  wire: WireType.Varint,
  read: (reader) => reader.int32(),
  write: (writer, value) => writer.int32(Number(value)),
};
export const INT64: Codec = {
  wire: WireType.Varint,
  read: (reader) => fromInt64(reader.int64()),
  write: (writer, value) => writer.int64(typeof value === 'bigint' ? value : Number(value)),
};
export const DOUBLE: Codec = {
  wire: WireType.Bit64,
  read: (reader) => reader.double(),
  write: (writer, value) => writer.double(Number(value)),
};

/** One field of a message, and where its value goes in the JSON object. */
export interface Field {
  readonly number: number;
  /** The JSON key; empty for a message whose fields are the object's own. */
  readonly name: string;
  readonly codec: Codec;
  readonly shape: 'single' | 'list' | 'map';
  /** A zero value is left out of JSON, as it says no more than its absence. */
  readonly dropsZero: boolean;
}

type Values = Record<string, unknown>;

/** A message with the fields that `fieldsOf` gives; asked for at the first use, since messages may hold themselves. */
export class Message implements Codec {
  readonly wire = LENGTH;
  readonly #fieldsOf: () => readonly Field[];
  #fields: readonly Field[] | undefined;
  #byNumber: ReadonlyMap<number, Field> | undefined;

  constructor(fieldsOf: () => readonly Field[]) {
    this.#fieldsOf = fieldsOf;
  }

  get fields(): readonly Field[] {
    return (this.#fields ??= this.#fieldsOf().toSorted((a, b) => a.number - b.number));
  }

  read(reader: BinaryReader, depth: number): Values {
    const values: Values = {};
    this.readInto(values, reader, depth);
    return values;
  }

  /** Reads a message that is preceded by its length. */
  readInto(values: Values, reader: BinaryReader, depth: number): void {
    const length = reader.uint32();
    this.readFields(values, { reader, end: reader.pos + length, depth });
  }

  readFields(values: Values, { reader, end, depth }: { reader: BinaryReader; end: number; depth: number }): void {
    if (depth > MAX_DEPTH) throw new RangeError('nested too deeply');
    if (end > reader.len) throw new RangeError('unexpected EOF');
    this.#byNumber ??= new Map(this.fields.map((field) => [field.number, field]));
    while (reader.pos < end) {
      const [number, wire] = reader.tag();
      const field = this.#byNumber.get(number);
      if (field) readField(values, field, { reader, wire, depth });
      else reader.skip(wire, number);
    }
  }

  write(writer: BinaryWriter, value: unknown): void {
    writer.fork();
    this.writeFields(writer, value);
    writer.join();
  }

  writeFields(writer: BinaryWriter, value: unknown): void {
    const values = (value ?? {}) as Values;
    for (const field of this.fields) writeField(writer, field, field.name === '' ? values : values[field.name]);
  }
}

function readField(
  values: Values,
  field: Field,
  { reader, wire, depth }: { reader: BinaryReader; wire: WireType; depth: number },
): void {
  const { name, codec, shape } = field;
  if (name === '' && codec instanceof Message) return codec.readInto(values, reader, depth + 1);
  if (shape === 'map')
    return readMapEntry(
      own(values, name, () => ({})),
      codec,
      { reader, depth },
    );
  if (shape === 'list')
    return readElements(
      own(values, name, () => []),
      codec,
      { reader, wire, depth },
    );
  if (wire !== codec.wire) throw new TypeError(`illegal wire type ${wire} for field ${name}`);
  const value = codec.read(reader, depth + 1);
  const isZero = value === '' || value === 0 || value === false;
  if (value !== undefined && !(field.dropsZero && isZero)) values[name] = value;
}

function own<T>(values: Values, name: string, make: () => T): T {
  return (values[name] ??= make()) as T;
}

/** Numbers may come one by one, or packed. */
function readElements(
  elements: unknown[],
  codec: Codec,
  { reader, wire, depth }: { reader: BinaryReader; wire: WireType; depth: number },
): void {
  if (wire === codec.wire) {
    elements.push(codec.read(reader, depth + 1) ?? null);
    return;
  }
  if (wire !== LENGTH) throw new TypeError(`illegal wire type ${wire} for a list`);
  const end = reader.uint32() + reader.pos;
  while (reader.pos < end) elements.push(codec.read(reader, depth + 1));
}

function readMapEntry(map: Values, codec: Codec, { reader, depth }: { reader: BinaryReader; depth: number }): void {
  const end = reader.uint32() + reader.pos;
  let key = '';
  let value: unknown;
  while (reader.pos < end) {
    const [number, wire] = reader.tag();
    if (number === 1) key = reader.string();
    else if (number === 2) value = codec.read(reader, depth + 1);
    else reader.skip(wire, number);
  }
  // Not an assignment: `__proto__` is a key like any other.
  const described = { value: value ?? zeroOf(codec), enumerable: true, configurable: true, writable: true };
  Object.defineProperty(map, key, described);
}

function zeroOf(codec: Codec): unknown {
  if (codec === STRING || codec === BYTES) return '';
  return codec instanceof Message ? {} : null;
}

function writeField(writer: BinaryWriter, { number, codec, shape }: Field, value: unknown): void {
  if (value === undefined || value === null) return;
  if (shape === 'single') {
    codec.write(writer.tag(number, codec.wire), value);
  } else if (shape === 'list') {
    for (const element of value as readonly unknown[]) codec.write(writer.tag(number, codec.wire), element);
  } else {
    for (const [key, item] of Object.entries(value)) {
      writer.tag(number, LENGTH).fork();
      STRING.write(writer.tag(1, LENGTH), key);
      codec.write(writer.tag(2, codec.wire), item);
      writer.join();
    }
  }
}
