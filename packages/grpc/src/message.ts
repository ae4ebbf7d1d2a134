// Hot path: every message of every call. Costs one look-up a field.
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { KeelsonError } from '@keelson/base';

/** One field of a message: its number, and how its value goes over the wire. `In` is what may be sent, `Out` what is received. */
export interface Field<Out, In = Out> {
  readonly number: number;
  readonly wire: WireType;
  /** Another way in which it may come: each number of a list alone, instead of all packed together. */
  readonly otherWire?: WireType;
  /** What a message has that leaves the field out. */
  readonly absent: () => Out;
  read(reader: BinaryReader, before: Out, wire: WireType): Out;
  /** Writes nothing for what equals an absent field. */
  write(writer: BinaryWriter, value: In): void;
}

/** How a message looks on the wire and in the program. Fields that it does not name are skipped. */
export interface MessageType<Out, In> {
  encode(value: In): Uint8Array;
  /** Byte fields of the result are views into `bytes`. */
  decode(bytes: Uint8Array): Out;
  read(reader: BinaryReader, length: number): Out;
  write(writer: BinaryWriter, value: In): void;
}

/** What is received as a message of this type. */
export type Received<T> = T extends MessageType<infer Out, infer _In> ? Out : never;
/** What may be sent as a message of this type. */
export type Sent<T> = T extends MessageType<infer _Out, infer In> ? In : never;

// Inference needs a bound that every field fits.
// oxlint-disable-next-line typescript/no-explicit-any
type Fields = Readonly<Record<string, Field<any, any>>>;
type OutOf<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer Out, infer _In> ? Out : never };
type InOf<F extends Fields> = { readonly [K in keyof F]?: (F[K] extends Field<infer _Out, infer In> ? In : never) | undefined };

/** A message of the given fields, by the names that they have in the program. */
export function message<F extends Fields>(fields: F): MessageType<OutOf<F>, InOf<F>> {
  const entries = Object.entries(fields);
  const byNumber: ([name: string, field: F[string]] | undefined)[] = [];
  for (const [name, field] of entries) byNumber[field.number] = [name, field as F[string]];
  const type: MessageType<OutOf<F>, InOf<F>> = {
    encode(value) {
      const writer = new BinaryWriter();
      type.write(writer, value);
      return writer.finish();
    },
    decode: (bytes) => type.read(new BinaryReader(bytes), bytes.length),
    read(reader, length) {
      const end = reader.pos + length;
      const out: Record<string, unknown> = {};
      for (const [name, field] of entries) out[name] = field.absent();
      while (reader.pos < end) {
        const tag = reader.uint32();
        const known = byNumber[tag >>> 3];
        const wire: WireType = tag & 7;
        if (known && (known[1].wire === wire || known[1].otherWire === wire))
          out[known[0]] = known[1].read(reader, out[known[0]], wire);
        else reader.skip(wire, tag >>> 3);
      }
      return out as OutOf<F>;
    },
    write(writer, value) {
      for (const [name, field] of entries) {
        const item = value[name];
        if (item !== undefined) field.write(writer, item);
      }
    },
  };
  return type;
}

/** A field of one value, which can also be in a list. */
export interface ScalarField<T> extends Field<T> {
  /** The value alone, without its field's number. */
  readonly item: { read(reader: BinaryReader): T; write(writer: BinaryWriter, value: T): void };
}

interface Scalar<T> {
  readonly wire: WireType;
  readonly absent: () => T;
  /** Values that need not be sent. */
  readonly isAbsent: (value: T) => boolean;
  readonly read: (reader: BinaryReader) => T;
  readonly write: (writer: BinaryWriter, value: T) => void;
}

function scalar<T>({ wire, absent, isAbsent, read, write }: Scalar<T>): (number: number) => ScalarField<T> {
  return (number) => ({
    number,
    wire,
    absent,
    read,
    item: { read, write },
    write: (writer, value) => {
      if (!isAbsent(value)) write(writer.tag(number, wire), value);
    },
  });
}

const EMPTY = new Uint8Array(0);

/** A field of type `string`, or of type `bytes` that holds text. */
export const string = scalar<string>({
  wire: WireType.LengthDelimited,
  absent: () => '',
  isAbsent: (value) => value === '',
  read: (reader) => reader.string(),
  write: (writer, value) => writer.string(value),
});

/** A field of type `bytes`. */
export const bytes = scalar<Uint8Array>({
  wire: WireType.LengthDelimited,
  absent: () => EMPTY,
  isAbsent: (value) => value.length === 0,
  read: (reader) => reader.bytes(),
  write: (writer, value) => writer.bytes(value),
});

/** A field of type `bool`. */
export const bool = scalar<boolean>({
  wire: WireType.Varint,
  absent: () => false,
  isAbsent: (value) => !value,
  read: (reader) => reader.bool(),
  write: (writer, value) => writer.bool(value),
});

/** A field of type `int32`, or an enumeration by its numbers. */
export const int32 = scalar<number>({
  wire: WireType.Varint,
  absent: () => 0,
  isAbsent: (value) => value === 0,
  read: (reader) => reader.int32(),
  write: (writer, value) => writer.int32(value),
});

/** A field of type `uint32`. */
export const uint32 = scalar<number>({
  wire: WireType.Varint,
  absent: () => 0,
  isAbsent: (value) => value === 0,
  read: (reader) => reader.uint32(),
  write: (writer, value) => writer.uint32(value),
});

/** A field of type `int64` whose numbers are safe integers; another one breaks off the message. */
export const safeInt64 = scalar<number>({
  wire: WireType.Varint,
  absent: () => 0,
  isAbsent: (value) => value === 0,
  read: (reader) => {
    const value = reader.int64();
    const number = Number(value);
    if (Number.isSafeInteger(number)) return number;
    throw new KeelsonError('InternalError', `Cannot read ${value}: numbers of more than 53 bits are not expected here`);
  },
  write: (writer, value) => writer.int64(value),
});

/** A field of type `int64` that may hold any number: ids. */
export const int64 = scalar<bigint>({
  wire: WireType.Varint,
  absent: () => 0n,
  isAbsent: (value) => value === 0n,
  read: (reader) => BigInt(reader.int64()),
  write: (writer, value) => writer.int64(value),
});

/** A field of type `uint64` that may hold any number: ids. */
export const uint64 = scalar<bigint>({
  wire: WireType.Varint,
  absent: () => 0n,
  isAbsent: (value) => value === 0n,
  read: (reader) => BigInt(reader.uint64()),
  write: (writer, value) => writer.uint64(value),
});

/** A field that holds another message; undefined if it is left out. */
export function nested<Out, In>(number: number, type: MessageType<Out, In>): Field<Out | undefined, In> {
  return {
    number,
    wire: WireType.LengthDelimited,
    absent: () => undefined,
    read: (reader) => type.read(reader, reader.uint32()),
    write: (writer, value) => {
      type.write(writer.tag(number, WireType.LengthDelimited).fork(), value);
      writer.join();
    },
  };
}

/** A field of which a message may have several, each a message. */
export function repeated<Out, In>(number: number, type: MessageType<Out, In>): Field<readonly Out[], readonly In[]> {
  const one = nested(number, type);
  return {
    number,
    wire: WireType.LengthDelimited,
    absent: () => [],
    read: (reader, before) => {
      // Made for this message by `absent`, so it can be added to.
      (before as Out[]).push(type.read(reader, reader.uint32()));
      return before;
    },
    write: (writer, values) => {
      for (const value of values) one.write(writer, value);
    },
  };
}

/** A field of which a message may have several, each a text, bytes or a number. Numbers go packed together, and may come either way. */
export function list<T>(number: number, type: (number: number) => ScalarField<T>): Field<readonly T[]> {
  const { wire, item } = type(number);
  const isPacked = wire !== WireType.LengthDelimited;
  return {
    number,
    wire: WireType.LengthDelimited,
    ...(isPacked && { otherWire: wire }),
    absent: () => [],
    read: (reader, before, received) => {
      // Made for this message by `absent`, so it can be added to.
      const values = before as T[];
      if (!isPacked || received === wire) values.push(item.read(reader));
      else for (const end = reader.uint32() + reader.pos; reader.pos < end;) values.push(item.read(reader));
      return values;
    },
    write: (writer, values) => {
      if (values.length === 0) return;
      if (!isPacked) {
        for (const value of values) item.write(writer.tag(number, wire), value);
        return;
      }
      writer.tag(number, WireType.LengthDelimited).fork();
      for (const value of values) item.write(writer, value);
      writer.join();
    },
  };
}

const Entry = message({ key: string(1), value: string(2) });

/** A field of type `map<string, string>`. */
export function stringMap(number: number): Field<Readonly<Record<string, string>>> {
  return {
    number,
    wire: WireType.LengthDelimited,
    absent: () => ({}),
    read: (reader, before) => {
      const { key, value } = Entry.read(reader, reader.uint32());
      // Defined, not set: any text may be a key, `__proto__` too.
      return Object.defineProperty(before, key, { value, enumerable: true, configurable: true, writable: true });
    },
    write: (writer, values) => {
      for (const [key, value] of Object.entries(values)) {
        Entry.write(writer.tag(number, WireType.LengthDelimited).fork(), { key, value });
        writer.join();
      }
    },
  };
}
