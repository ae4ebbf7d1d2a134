import { apiVersionOf, badRequest, type KubernetesObject, parseJson, parseJsonStrict, unsupportedMediaType } from '@keelson/api';
import { errorMessage, isReason, KeelsonError } from '@keelson/base';
import { parse as parseYaml, type TagId, type Tags } from 'yaml';
import { converterOf } from '../convert/versions.ts';
import { decodeObject as decodeProtobuf, PROTOBUF } from '../protobuf/index.ts';
import { tableSchema, type KindSchema } from '../registry/kind-schema.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { RequestBody } from '../request/api-request.ts';
import type { Call } from './call.ts';
import { parseSharing } from './shared-sets.ts';
import { unsupportedOption } from './invalid-options.ts';

const ACCEPTED = ['application/json', 'application/yaml', PROTOBUF];

/** A body that is parsed but not checked. */
export interface RawBody {
  readonly value: unknown;
  /** Paths of keys that were given twice. */
  readonly duplicates: readonly string[];
  /** What else is wrong with what it was made of, in the words for clients. */
  readonly faults?: readonly string[];
  /** The object that the value was made of, if any, in the same version. */
  readonly known?: unknown;
}

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

export function fieldValidationOf(call: Pick<Call, 'request'>): FieldValidation {
  const asked = call.request.query.get('fieldValidation');
  if (asked === undefined) return 'Warn';
  if (asked === 'Ignore' || asked === 'Warn' || asked === 'Strict') return asked;
  throw unsupportedOption(call.request, 'fieldValidation', { value: asked, supported: ['', 'Ignore', 'Strict', 'Warn'] });
}

/** The media type without parameters, in lower case. */
export function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** Parses JSON, YAML or protobuf, by the content type; JSON if there is none. Throws `BadRequest` and `UnsupportedMediaType`. */
export function parseBody(body: RequestBody | undefined, strict: boolean): RawBody {
  if (!body) return { value: undefined, duplicates: [] };
  if (body.type === 'value') return { value: body.value, duplicates: [] };
  const mediaType = mediaTypeOf(body.contentType);
  if (mediaType === 'application/yaml') return parseYamlBody(body.data.toString());
  if (mediaType === PROTOBUF) return { value: decodeProtobuf(body.data), duplicates: [] };
  if (mediaType !== '' && mediaType !== 'application/json' && mediaType !== '*/*') throw unsupportedMediaType(ACCEPTED);
  return parseJsonBody(body.data.toString(), strict);
}

export function parseJsonBody(text: string, strict: boolean): RawBody {
  if (text.trim() === '') return { value: undefined, duplicates: [] };
  return parseSharing(text, strict ? parseJsonStrict : parseLeniently);
}

function parseLeniently(text: string): RawBody {
  return { value: parseJson(text), duplicates: [] };
}

/** Times, binary data, sets and numbers to the base of sixty are texts to Kubernetes' parser, as JSON has none of them. */
const NOT_JSON = new Set(['binary', 'omap', 'pairs', 'set', 'timestamp'].map((name) => `tag:yaml.org,2002:${name}`));

function jsonTags(tags: Tags): Tags {
  return tags.filter((tag: TagId | Exclude<Tags[number], string>) => {
    if (typeof tag === 'string') return true;
    return !NOT_JSON.has(tag.tag) && !('format' in tag && tag.format === 'TIME');
  });
}

export function parseYamlBody(text: string): RawBody {
  try {
    const value: unknown = parseYaml(text, {
      version: '1.1',
      uniqueKeys: false,
      maxAliasCount: 100,
      intAsBigInt: true,
      logLevel: 'error',
      customTags: jsonTags,
    });
    return { value: withNumbers(value), duplicates: [] };
  } catch (error) {
    throw new KeelsonError('BadRequest', `error converting YAML to JSON: yaml: ${errorMessage(error)}`, { cause: error });
  }
}

/** As JSON is read: integers that a number can hold are numbers. */
function withNumbers(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (Array.isArray(value)) return value.map(withNumbers);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withNumbers(item)]));
}

/** The object in the body of a create or an update, checked by the schema, in the stored version. It is private to the request. */
export function decodeBody(call: Call): KubernetesObject {
  const validation = fieldValidationOf(call);
  const raw = readObject(call, validation !== 'Ignore');
  const { value } = raw;
  if (value === undefined || value === null) throw unrecognized(call, 'unexpected end of JSON input');
  if (typeof value !== 'object' || Array.isArray(value))
    throw unrecognized(call, `json: cannot unmarshal ${goKind(value)} into Go value of type ${HEAD}`);
  return decodeObject(call, raw, validation);
}

function readObject({ request: { body }, definition }: Call, strict: boolean): RawBody {
  const isCustom = definition.schema.openApi !== undefined;
  // Only the tables say how to read the wire format.
  if (isCustom && body?.type === 'bytes' && mediaTypeOf(body.contentType) === PROTOBUF) {
    throw unsupportedMediaType(ACCEPTED.filter((type) => type !== PROTOBUF));
  }
  try {
    const raw = parseBody(body, strict);
    if (isCustom && body?.type === 'bytes') checkSaysWhatItIs(raw.value, body.data);
    return raw;
  } catch (error) {
    if (body?.type !== 'bytes' || !isReason(error, 'BadRequest')) throw error;
    if (!error.message.startsWith(NO_JSON)) throw unrecognizedBytes(definition, body.data, error.message);
    throw unrecognized({ definition, request: { body } }, error.message.slice(NO_JSON.length));
  }
}

/** What Go reads of a body first. */
const HEAD = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

const NO_JSON = 'Cannot parse JSON: ';

/** 400 of a body of which nobody can say what it should be. */
function unrecognized(
  { request: { body }, definition }: Pick<Call, 'definition'> & { readonly request: Pick<Call['request'], 'body'> },
  why: string,
): KeelsonError {
  const data = body?.type === 'bytes' ? body.data : Buffer.alloc(0);
  return unrecognizedBytes(definition, data, `couldn't get version/kind; json parse error: ${why}`);
}

function unrecognizedBytes({ kind }: ResourceDefinition, data: Buffer, why: string): KeelsonError {
  return badRequest(`the object provided is unrecognized (must be of type ${kind}): ${why} (${summaryOf(data)})`);
}

/** Objects of kinds that come and go have to say what they are. */
function checkSaysWhatItIs(value: unknown, data: Buffer): void {
  if (typeof value !== 'object' || value === null) return;
  const { kind, apiVersion } = value as { kind?: unknown; apiVersion?: unknown };
  const missing = !kind ? 'Kind' : !apiVersion ? 'apiVersion' : undefined;
  if (missing !== undefined) throw badRequest(`Object '${missing}' is missing in '${data.toString()}'`);
}

const MAX_SUMMARY = 30;

/** The beginning of a body: as text if it looks like JSON, else in hexadecimal. */
function summaryOf(data: Buffer): string {
  if (data.length === 0) return '<empty>';
  const start = data.subarray(0, MAX_SUMMARY);
  const text = data[0] === OPEN_BRACE ? start.toString() : start.toString('hex');
  return data.length > MAX_SUMMARY ? `${text} ...` : text;
}

const OPEN_BRACE = 0x7b;

/** `refuse` says what is thrown where a body is no such object; by default a `BadRequest` that names the kind. */
export function decodeObject(
  call: Call,
  raw: RawBody,
  validation: FieldValidation,
  refuse: (why: string) => KeelsonError = (why) => cannotHandle(call.definition, why),
): KubernetesObject {
  const { definition } = call;
  checkHead(definition, raw.value);
  const options = { raw, validation, warn: call.warn, refuse };
  const { kind: _kind, apiVersion: _apiVersion, ...decoded } = decodeWith(definition.schema, options);
  const object: KubernetesObject = { kind: definition.kind, apiVersion: apiVersionOf(definition), ...decoded };
  return converterOf(definition)?.toStorage(object) ?? object;
}

/** Checks any body by a definition of the tables. It must be of that kind, or of none. */
export function decodeAs(
  definition: string,
  { kind, refuse = (why) => cannotHandle(kind, why), ...options }: DecodeAsOptions,
): KubernetesObject {
  checkKind(kind, options.raw.value);
  return decodeWith(tableSchema(definition), { ...options, refuse });
}

type DecodeAsOptions = Omit<DecodeOptions, 'refuse'> & Partial<DecodeOptions> & { readonly kind: Named };

function checkKind(wanted: Named, value: unknown): void {
  const { kind, apiVersion } = (value ?? {}) as { kind?: unknown; apiVersion?: unknown };
  if (typeof kind !== 'string' || kind === '' || kind === wanted.kind) return;
  const version = String(apiVersion ?? '').replace(/^.*\//, '');
  const why = `converting (${version}.${kind}) to (${wanted.version}.${wanted.kind}): unknown conversion`;
  throw badRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${wanted.kind}: ${why}`);
}

interface DecodeOptions {
  readonly raw: RawBody;
  readonly validation: FieldValidation;
  readonly warn: (text: string) => void;
  /** What is thrown if the body is no such object. */
  readonly refuse: (why: string) => KeelsonError;
}

interface Named {
  readonly kind: string;
  readonly version: string;
}

/** Brings a body into the shape of a schema; says what is unknown or given twice, as the client has asked to be told. */
export function decodeWith(schema: KindSchema, { raw, validation, warn, refuse }: DecodeOptions): KubernetesObject {
  const { object, unknown } = strictly(refuse, () => schema.decode(raw.value, raw.known));
  if (validation !== 'Ignore') {
    const faults = [
      ...(raw.faults ?? []),
      ...raw.duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`),
      ...unknown.map((path) => `unknown field ${JSON.stringify(path)}`),
    ];
    if (validation === 'Strict' && faults.length > 0) throw refuse(`strict decoding error: ${faults.join(', ')}`);
    for (const fault of faults) warn(fault);
  }
  // Has the shape of the schema now.
  return object as KubernetesObject;
}

function strictly<T>(refuse: (why: string) => KeelsonError, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (isReason(error, 'BadRequest')) throw refuse(error.message);
    // Schemas that hold themselves can nest as deep as the text does.
    if (error instanceof RangeError) throw refuse('exceeded max depth');
    throw error;
  }
}

/** 400 of a body that is no object of the kind that it should be. */
export function cannotHandle({ kind, version }: Named, why: string): KeelsonError {
  return badRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${why}`);
}

/** The body must name the kind of the path, or none. */
function checkHead(definition: ResourceDefinition, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw cannotHandle(definition, `json: cannot unmarshal ${Array.isArray(value) ? 'array' : typeof value} into Go value`);
  }
  const { kind, apiVersion } = value as { kind?: unknown; apiVersion?: unknown };
  const expected = apiVersionOf(definition);
  if (typeof apiVersion === 'string' && apiVersion !== '' && apiVersion !== expected) {
    throw badRequest(`the API version in the data (${apiVersion}) does not match the expected API version (${expected})`);
  }
  if (typeof kind === 'string' && kind !== '' && kind !== definition.kind) {
    throw badRequest(
      `${kind} in version ${JSON.stringify(definition.version)} cannot be handled as a ${definition.kind}: no kind ${JSON.stringify(kind)} is registered for the resource ${JSON.stringify(definition.resource)}`,
    );
  }
}
