import { parseJson, stringifyJson } from '@keelson/api';
import { textOfSet, type FieldSet } from '@keelson/api/structured-merge';
import { BOOL, INT32, INT64, Message, STRING, type Codec, type Field } from './codec.ts';

type Values = Record<string, unknown>;

const field = (number: number, name: string, codec: Codec, shape: Field['shape'] = 'single'): Field => ({
  number,
  name,
  codec,
  shape,
  dropsZero: false,
});

/** A message whose JSON form is not an object of its fields. */
function mapped(message: Message, fromWire: (values: Values) => unknown, toWire: (value: unknown) => Values): Codec {
  return {
    wire: message.wire,
    read: (reader, depth) => fromWire(message.read(reader, depth)),
    write: (writer, value) => message.write(writer, toWire(value)),
  };
}

/** A message of one field, which stands for it in JSON. */
function wrapped(number: number, codec: Codec, shape: Field['shape'] = 'single'): Codec {
  const message = new Message(() => [field(number, 'it', codec, shape)]);
  return mapped(
    message,
    ({ it }) => it ?? (shape === 'list' ? [] : undefined),
    (it) => ({ it }),
  );
}

/** JSON text in a field of bytes. */
function embeddedJson(number: number, textOf: (value: unknown) => string = stringifyJson): Codec {
  // Bytes that are a text go over the wire as one does.
  const message = new Message(() => [field(number, 'raw', STRING)]);
  return mapped(
    message,
    ({ raw }) => (typeof raw === 'string' && raw !== '' ? parseJson(raw) : undefined),
    (value) => ({ raw: textOf(value) }),
  );
}

/** Seconds and nanoseconds; the zero time is no time. */
function time(digits: 0 | 6): Codec {
  const message = new Message(() => [field(1, 'seconds', INT64), field(2, 'nanos', INT32)]);
  return mapped(
    message,
    ({ seconds, nanos }) => {
      if (seconds === undefined && nanos === undefined) return undefined;
      const whole = new Date(Number(seconds ?? 0) * 1000).toISOString().slice(0, 19);
      const micros = String(Math.floor(Number(nanos ?? 0) / 1000)).padStart(6, '0');
      return digits === 0 ? `${whole}Z` : `${whole}.${micros}Z`;
    },
    (value) => {
      const text = String(value);
      const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
      return {
        seconds: Math.floor(Date.parse(text) / 1000),
        nanos: digits === 0 ? 0 : Number(fraction.padEnd(9, '0').slice(0, 9)),
      };
    },
  );
}

function intOrString(): Codec {
  const message = new Message(() => [field(1, 'type', INT64), field(2, 'intVal', INT32), field(3, 'strVal', STRING)]);
  return mapped(
    message,
    ({ type, intVal, strVal }) => (type === 1 ? (strVal ?? '') : (intVal ?? 0)),
    (value) => (typeof value === 'string' ? { type: 1, intVal: 0, strVal: value } : { type: 0, intVal: value, strVal: '' }),
  );
}

/** A schema, or one of the other things that may stand for it. */
function schemaOr(other: Field, schema: Field): Codec {
  const message = new Message(() => [other, schema]);
  const isOther = (value: unknown): boolean => (other.shape === 'list' ? Array.isArray(value) : typeof value === 'boolean');
  return mapped(
    message,
    (values) => values[schema.name] ?? values[other.name],
    (value) => (isOther(value) ? { [other.name]: value } : { [schema.name]: value }),
  );
}

/** Messages whose JSON form is none of their fields, by definition. `schema` is the message of a CRD's schema. */
export function specialMessages(schema: Codec): Readonly<Record<string, Codec>> {
  const verbs = wrapped(1, STRING, 'list');
  return {
    'meta.v1.Time': time(0),
    'meta.v1.MicroTime': time(6),
    // The text of most sets is known.
    'meta.v1.FieldsV1': embeddedJson(1, (fields) => textOfSet(fields as FieldSet)),
    'meta.v1.Verbs': verbs,
    'authentication.v1.ExtraValue': verbs,
    'authorization.v1.ExtraValue': verbs,
    'certificates.v1.ExtraValue': verbs,
    'certificates.v1beta1.ExtraValue': verbs,
    'pkg.api.resource.Quantity': wrapped(1, STRING),
    'pkg.util.intstr.IntOrString': intOrString(),
    'pkg.runtime.RawExtension': embeddedJson(1),
    'apiextensions.v1.JSON': embeddedJson(1),
    'apiextensions.v1.JSONSchemaPropsOrArray': schemaOr(field(2, 'many', schema, 'list'), field(1, 'schema', schema)),
    'apiextensions.v1.JSONSchemaPropsOrBool': schemaOr(field(1, 'allows', BOOL), field(2, 'schema', schema)),
    'apiextensions.v1.JSONSchemaPropsOrStringArray': schemaOr(field(2, 'many', STRING, 'list'), field(1, 'schema', schema)),
  };
}
