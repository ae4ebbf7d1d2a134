import { definitionOf, facts, type FieldFact, type ItemsFact } from '@keelson/api';
import { BOOL, BYTES, DOUBLE, INT32, INT64, Message, STRING, type Codec, type Field } from './codec.ts';
import { specialMessages } from './special-messages.ts';

const SCALARS: Readonly<Record<string, Codec>> = {
  string: STRING,
  bytes: BYTES,
  bool: BOOL,
  int32: INT32,
  int64: INT64,
  double: DOUBLE,
};

const messages = new Map<string, Codec>();
let special: Readonly<Record<string, Codec>> | undefined;
let byKind: ReadonlyMap<string, string> | undefined;

/** The definition of `group/version/kind`, with an empty group for core, if it can be written as protobuf. */
export function definitionOfKind(apiVersion: string, kind: string): string | undefined {
  byKind ??= kindIndex();
  return byKind.get(`${apiVersion.includes('/') ? '' : '/'}${apiVersion}/${kind}`);
}

function kindIndex(): ReadonlyMap<string, string> {
  const { definitions, extraDefinitions } = facts();
  const index = new Map<string, string>();
  for (const [name, { gvk = [], noPb }] of Object.entries({ ...extraDefinitions, ...definitions })) {
    if (!noPb) for (const kind of gvk) index.set(kind, name);
  }
  // Known to the API machinery of every group; the swagger has no kinds for them.
  for (const kind of ['PartialObjectMetadata', 'PartialObjectMetadataList']) {
    for (const version of ['v1', 'v1beta1']) index.set(`meta.k8s.io/${version}/${kind}`, `meta.v1.${kind}`);
  }
  return index;
}

/** The message of a definition; made once. */
export function messageOf(name: string): Codec {
  const known = messages.get(name);
  if (known) return known;
  special ??= specialMessages(new Message(() => fieldsOf('apiextensions.v1.JSONSchemaProps')));
  const made = special[name] ?? new Message(() => fieldsOf(name));
  messages.set(name, made);
  return made;
}

type Numbered = { readonly path: readonly number[]; readonly field: Omit<Field, 'number'> };

function fieldsOf(name: string): readonly Field[] {
  const numbered: Numbered[] = [];
  for (const [json, fact] of Object.entries(definitionOf(name)?.fields ?? {})) {
    const path = typeof fact.pb === 'number' ? [fact.pb] : (fact.pb ?? [0]);
    // Kind and apiVersion go with the envelope.
    if (path[0] !== 0) numbered.push({ path, field: fieldOf(json, fact) });
  }
  return grouped(numbered);
}

/** Fields of embedded messages have a path of numbers; in JSON they are the object's own. */
function grouped(numbered: readonly Numbered[]): readonly Field[] {
  const direct = numbered.filter(({ path }) => path.length === 1).map(({ path: [number = 0], field }) => ({ ...field, number }));
  const embedded = Map.groupBy(
    numbered.filter(({ path }) => path.length > 1),
    ({ path }) => path[0] ?? 0,
  );
  const inner = [...embedded].map(([number, members]): Field => {
    const fields = grouped(members.map(({ path, field }) => ({ path: path.slice(1), field })));
    return { number, name: '', codec: new Message(() => fields), shape: 'single', dropsZero: false };
  });
  return [...direct, ...inner];
}

function fieldOf(name: string, fact: FieldFact): Omit<Field, 'number'> {
  const shape = fact.type === 'array' ? 'list' : fact.type === 'map' ? 'map' : 'single';
  // A list type of its own (Verbs) is one message.
  const isOne = shape === 'list' && fact.pbType !== undefined && fact.pbType.includes('.');
  return {
    name,
    codec: codecOf(fact),
    shape: isOne ? 'single' : shape,
    dropsZero: shape === 'single' && fact.ptr !== 1 && fact.always !== 1,
  };
}

function codecOf({ pbType = 'string', ref, items }: FieldFact): Codec {
  const scalar = SCALARS[pbType];
  if (scalar) return scalar;
  return messageOf(pbType === 'msg' ? (ref ?? referenceIn(items)) : pbType);
}

function referenceIn(items: ItemsFact | undefined): string {
  return typeof items === 'string' ? items.replace(/^#/, '') : '';
}
