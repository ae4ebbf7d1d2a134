import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Schema } from './schemas.ts';
import type { SwaggerDocument } from './v2.ts';

/**
 * Writes a Swagger document as the protobuf message `openapi.v2.Document` of gnostic, in which kubectl and client-go ask for it. The
 * numbers are those of that message's description; what our documents do not use is left out.
 */
export function encodeSwagger(document: SwaggerDocument): Buffer {
  const writer = new BinaryWriter();
  text(writer, 1, document.swagger);
  message(writer, 2, () => {
    text(writer, 1, document.info.title);
    text(writer, 2, document.info.version);
  });
  message(writer, 8, () => namedEach(writer, 2, document.paths, (item) => writePathItem(writer, item)));
  message(writer, 9, () => namedEach(writer, 1, document.definitions, (schema) => writeSchema(writer, schema)));
  for (const requirement of document.security) {
    message(writer, 12, () =>
      namedEach(writer, 1, requirement, (scopes) => {
        for (const scope of scopes) text(writer, 1, scope);
      }),
    );
  }
  message(writer, 13, () =>
    namedEach(writer, 1, document.securityDefinitions, (definition) => message(writer, 2, () => writeApiKey(writer, definition))),
  );
  return Buffer.from(writer.finish());
}

const METHODS = { get: 2, put: 3, post: 4, delete: 5, patch: 8 } as const;

function writePathItem(writer: BinaryWriter, item: Schema): void {
  for (const [method, number] of Object.entries(METHODS)) {
    const operation = item[method] as Schema | undefined;
    if (operation) message(writer, number, () => writeOperation(writer, operation));
  }
  for (const parameter of schemasOf(item.parameters)) message(writer, 9, () => writeParameter(writer, parameter));
}

function writeOperation(writer: BinaryWriter, operation: Schema): void {
  texts(writer, 1, operation.tags);
  text(writer, 5, operation.operationId);
  texts(writer, 6, operation.produces);
  texts(writer, 7, operation.consumes);
  for (const parameter of schemasOf(operation.parameters)) message(writer, 8, () => writeParameter(writer, parameter));
  message(writer, 9, () =>
    namedEach(writer, 1, operation.responses as Readonly<Record<string, Schema>>, (response) =>
      message(writer, 1, () => writeResponse(writer, response)),
    ),
  );
  texts(writer, 10, operation.schemes);
  flag(writer, 11, operation.deprecated);
  extensions(writer, 13, operation);
}

/** `Response`, whose schema is one of two forms. */
function writeResponse(writer: BinaryWriter, { description, schema }: Schema): void {
  text(writer, 1, description);
  if (schema) message(writer, 2, () => message(writer, 1, () => writeSchema(writer, schema as Schema)));
}

/** `ParametersItem` holding a `Parameter`, which is a body or one of the others. */
function writeParameter(writer: BinaryWriter, parameter: Schema): void {
  message(writer, 1, () => {
    if (parameter.in === 'body') message(writer, 1, () => writeBodyParameter(writer, parameter));
    else if (parameter.in === 'query')
      message(writer, 2, () => message(writer, 3, () => writeValueParameter(writer, parameter, 1)));
    else message(writer, 2, () => message(writer, 4, () => writeValueParameter(writer, parameter, 0)));
  });
}

function writeBodyParameter(writer: BinaryWriter, { name, required, schema }: Schema): void {
  text(writer, 2, name);
  text(writer, 3, 'body');
  flag(writer, 4, required);
  message(writer, 5, () => writeSchema(writer, schema as Schema));
}

/** Parameters of queries have one field more than those of paths, so that later fields are moved on by `shift`. */
function writeValueParameter(writer: BinaryWriter, parameter: Schema, shift: 0 | 1): void {
  flag(writer, 1, parameter.required);
  text(writer, 2, parameter.in);
  text(writer, 3, parameter.description);
  text(writer, 4, parameter.name);
  text(writer, 5 + shift, parameter.type);
  flag(writer, 19 + shift, parameter.uniqueItems);
}

function writeApiKey(writer: BinaryWriter, definition: Schema): void {
  text(writer, 1, definition.type);
  text(writer, 2, definition.name);
  text(writer, 3, definition.in);
  text(writer, 4, definition.description);
}

function writeSchema(writer: BinaryWriter, schema: Schema): void {
  text(writer, 1, schema.$ref);
  text(writer, 2, schema.format);
  text(writer, 4, schema.description);
  if (schema.default !== undefined) message(writer, 5, () => yaml(writer, schema.default));
  texts(writer, 19, schema.required);
  for (const value of (schema.enum ?? []) as readonly unknown[]) message(writer, 20, () => yaml(writer, value));
  const { additionalProperties, type, items, properties } = schema;
  if (additionalProperties)
    message(writer, 21, () => message(writer, 1, () => writeSchema(writer, additionalProperties as Schema)));
  if (type) message(writer, 22, () => text(writer, 1, type));
  if (items) message(writer, 23, () => message(writer, 1, () => writeSchema(writer, items as Schema)));
  if (properties) {
    message(writer, 25, () =>
      namedEach(writer, 1, properties as Readonly<Record<string, Schema>>, (property) => writeSchema(writer, property)),
    );
  }
  extensions(writer, 31, schema);
}

/** The members `x-...`, each a `NamedAny`. */
function extensions(writer: BinaryWriter, number: number, holder: Schema): void {
  for (const [name, value] of Object.entries(holder)) {
    if (!name.startsWith('x-')) continue;
    message(writer, number, () => {
      text(writer, 1, name);
      message(writer, 2, () => yaml(writer, value));
    });
  }
}

/** `Any` by its YAML; JSON is YAML. */
function yaml(writer: BinaryWriter, value: unknown): void {
  text(writer, 2, `${JSON.stringify(value)}\n`);
}

/** Each member as a message of a name and a value. */
function namedEach<T>(
  writer: BinaryWriter,
  number: number,
  members: Readonly<Record<string, T>>,
  write: (value: T) => void,
): void {
  for (const [name, value] of Object.entries(members)) {
    message(writer, number, () => {
      text(writer, 1, name);
      message(writer, 2, () => write(value));
    });
  }
}

function message(writer: BinaryWriter, number: number, write: () => void): void {
  writer.tag(number, WireType.LengthDelimited).fork();
  write();
  writer.join();
}

function text(writer: BinaryWriter, number: number, value: unknown): void {
  if (typeof value === 'string' && value !== '') writer.tag(number, WireType.LengthDelimited).string(value);
}

function texts(writer: BinaryWriter, number: number, values: unknown): void {
  for (const value of (values ?? []) as readonly string[]) writer.tag(number, WireType.LengthDelimited).string(value);
}

function flag(writer: BinaryWriter, number: number, value: unknown): void {
  if (value === true) writer.tag(number, WireType.Varint).bool(true);
}

function schemasOf(value: unknown): readonly Schema[] {
  return (value ?? []) as readonly Schema[];
}
