import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** A field of a protobuf message, of which nothing but the number is known. */
export interface WireField {
  readonly number: number;
  /** Empty unless the field is length-delimited. */
  readonly bytes: Uint8Array;
}

/** Takes a message apart. Throws if it is malformed. */
export function readFields(message: Uint8Array): readonly WireField[] {
  const reader = new BinaryReader(message);
  const fields: WireField[] = [];
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (type === WireType.LengthDelimited) {
      fields.push({ number, bytes: reader.bytes() });
    } else {
      reader.skip(type, number);
      fields.push({ number, bytes: new Uint8Array() });
    }
  }
  return fields;
}

/** The field as text; empty if it is not there. */
export function textOf(fields: readonly WireField[], number: number): string {
  return new TextDecoder().decode(fields.find((field) => field.number === number)?.bytes);
}
