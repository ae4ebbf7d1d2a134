import { tests } from '@bufbuild/cel-spec/testdata/conformance.js';
import * as types from '../types/cel-type.ts';
import type { CelType } from '../types/cel-type.ts';
import { ArrayList } from '../values/lists.ts';
import { GrowingMap } from '../values/maps.ts';
import { decodeBase64 } from '../values/times.ts';
import { CelTypeValue, CelUint, type CelValue } from '../values/value.ts';

type Json = Readonly<Record<string, unknown>>;

/** A case of CEL's conformance suite that applies to Kubernetes. */
export interface ConformanceCase {
  /** `section/name`. */
  readonly name: string;
  readonly expression: string;
  readonly variables: ReadonlyMap<string, CelType>;
  readonly bindings: ReadonlyMap<string, CelValue>;
  /** `undefined`: it must fail, when it is compiled or when it runs. */
  readonly expected: CelValue | undefined;
}

/** Libraries and types that Kubernetes does not have. */
const FOREIGN_SUITES = new Set([
  'bindings_ext',
  'block_ext',
  'encoders_ext',
  'math_ext',
  'enums',
  'proto2',
  'proto2_ext',
  'proto3',
  'wrappers',
]);

/** All cases that apply, by suite. Left out are those on protobuf messages, in containers, without type checks, or of other libraries. */
export function conformanceCases(): Map<string, ConformanceCase[]> {
  const found = new Map<string, ConformanceCase[]>();
  for (const suite of tests.suites ?? []) {
    if (FOREIGN_SUITES.has(suite.name)) continue;
    const cases = (suite.suites ?? []).flatMap((section) =>
      (section.tests ?? []).flatMap(({ original }) => readCase(section.name, original)),
    );
    if (cases.length > 0) found.set(suite.name, cases);
  }
  return found;
}

function readCase(section: string, original: Json): ConformanceCase[] {
  const { container, disableCheck, checkOnly } = original;
  const text = JSON.stringify(original);
  const isForeign = container !== undefined || disableCheck === true || checkOnly === true;
  if (
    isForeign ||
    /objectValue|enumValue|messageType|"function"|wrapper|wellKnown":"ANY|google\.protobuf\.(?!Timestamp|Duration)|proto2|TestAll/.test(
      text,
    )
  )
    return [];
  const bindings = Object.entries((original['bindings'] ?? {}) as Json).map(([name, bound]) => {
    return [name, valueOf((bound as { value: Json }).value)] as const;
  });
  const typed = original['typedResult'] as { result?: Json } | undefined;
  const value = (original['value'] as Json | undefined) ?? typed?.result;
  const fails = original['evalError'] !== undefined;
  if (!value && !fails && typed) return [];
  const declared = ((original['typeEnv'] ?? []) as Json[]).map((each) => {
    return [String(each['name']), typeOf((each['ident'] as { type: Json }).type)] as const;
  });
  const expected = fails ? undefined : value ? valueOf(value) : true;
  const name = `${section}/${String(original['name'])}`;
  return [{ name, expression: String(original['expr']), variables: new Map(declared), bindings: new Map(bindings), expected }];
}

const PRIMITIVES: Readonly<Record<string, CelType>> = {
  BOOL: types.BOOL,
  INT64: types.INT,
  UINT64: types.UINT,
  DOUBLE: types.DOUBLE,
  STRING: types.STRING,
  BYTES: types.BYTES,
};

function typeOf(type: Json): CelType {
  const [kind = '', detail] = Object.entries(type)[0] ?? [];
  const inner = (detail ?? {}) as Readonly<Record<string, Json>>;
  switch (kind) {
    case 'primitive':
      return PRIMITIVES[String(detail)] ?? types.DYN;
    case 'wellKnown':
      return detail === 'TIMESTAMP' ? types.TIMESTAMP : types.DURATION;
    case 'null':
      return types.NULL;
    case 'listType':
      return types.listOf(typeOf(inner['elemType'] ?? {}));
    case 'mapType':
      return types.mapOf(typeOf(inner['keyType'] ?? {}), typeOf(inner['valueType'] ?? {}));
    default:
      return types.DYN;
  }
}

function valueOf(value: Json): CelValue {
  const [kind = '', content] = Object.entries(value)[0] ?? [];
  switch (kind) {
    case 'int64Value':
      return BigInt(content as string);
    case 'uint64Value':
      return new CelUint(BigInt(content as string));
    case 'doubleValue':
      return Number(content);
    case 'stringValue':
    case 'boolValue':
      return content as string | boolean;
    case 'bytesValue':
      return decodeBase64(content as string);
    case 'typeValue':
      return new CelTypeValue(content as string);
    case 'listValue':
      return new ArrayList(((content as { values?: Json[] }).values ?? []).map(valueOf));
    case 'mapValue': {
      const map = new GrowingMap();
      for (const { key, value: inner } of (content as { entries?: { key: Json; value: Json }[] }).entries ?? []) {
        map.add(valueOf(key), valueOf(inner));
      }
      return map;
    }
    default:
      return null;
  }
}
