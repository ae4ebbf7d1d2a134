import type { CelEnv, CelInput, CelResult } from '@bufbuild/cel';
import { library } from '../syntax/library.ts';
import { EvaluationFailure } from '../values/failure.ts';
import { ArrayList, itemsOf } from '../values/lists.ts';
import { keyOf } from '../values/maps.ts';
import { CelUint, type CelValue } from '../values/value.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const NANOS = 1_000_000_000n;

let environment: CelEnv | undefined;

/** A function of the CEL library as an implementation of ours. `call` is how it is called, such as `a.replace(b, c)`. */
export function libraryFunction(call: string): (...args: CelValue[]) => CelValue {
  let run: ((bindings: Record<string, CelInput>) => CelResult) | undefined;
  return (...args) => {
    const { celEnv, parse, plan, strings } = library();
    environment ??= celEnv({ funcs: strings });
    const planned = (run ??= plan(environment, parse(call)));
    const bindings = Object.fromEntries(args.map((arg, index) => [NAMES[index] ?? '', toLibrary(arg)]));
    return fromLibrary(planned(bindings));
  };
}

function toLibrary(value: CelValue): CelInput {
  const { celUint, create, DurationSchema, TimestampSchema } = library();
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  switch (value.kind) {
    case 'uint':
      return celUint(value.value);
    case 'timestamp':
      return create(TimestampSchema, split(value.nanos));
    case 'duration':
      return create(DurationSchema, { seconds: value.nanos / NANOS, nanos: Number(value.nanos % NANOS) });
    case 'list':
      return itemsOf(value).map(toLibrary);
    case 'map':
      return new Map(
        Array.from(value.keys(), (key) => [toLibrary(key) as string, toLibrary(value.get(keyOf(key) ?? '') ?? null)]),
      );
    case 'object':
      return Object.fromEntries([...value.fields()].map((field) => [field, toLibrary(value.get(field) ?? null)]));
    default:
      throw new EvaluationFailure(`unsupported argument: ${value.kind}`);
  }
}

function split(nanos: bigint) {
  const rest = ((nanos % NANOS) + NANOS) % NANOS;
  return { seconds: (nanos - rest) / NANOS, nanos: Number(rest) };
}

function fromLibrary(result: CelResult): CelValue {
  const { isCelError, isCelList, isCelUint } = library();
  if (isCelError(result)) throw new EvaluationFailure(result.message);
  if (isCelList(result)) return new ArrayList(Array.from(result, (item) => fromLibrary(item)));
  if (isCelUint(result)) return new CelUint(result.value);
  if (typeof result === 'object' && result !== null && !(result instanceof Uint8Array)) {
    throw new EvaluationFailure('unsupported result');
  }
  return result;
}
