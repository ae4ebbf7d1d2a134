/** One step of a path: a key, an index, every element, or the elements of which a field has a value. */
type Step =
  | { readonly type: 'key'; readonly key: string }
  | { readonly type: 'index'; readonly index: number }
  | { readonly type: 'all' }
  | { readonly type: 'where'; readonly path: readonly string[]; readonly equal: boolean; readonly value: unknown };

const STEP =
  /\.([^.[\]'"()?@*]+)|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]|\[(-?\d+)\]|\.?\[?(\*)\]?|\[\?\(@((?:\.[^=!<>]+?)+)\s*(==|!=)\s*(.+?)\)\]/y;

/** Reads a path such as `.status.podIPs[0].ip`, `.spec.rules[*].host` or `.status.conditions[?(@.type=="Ready")].status`. */
export function parsePath(path: string): readonly Step[] {
  const text = path.replace(/^\$/, '').replace(/\\\./g, '\u0000');
  const steps: Step[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < text.length) {
    const found = STEP.exec(text);
    if (!found) throw new SyntaxError(`Cannot read the path "${path}"`);
    steps.push(stepOf(found));
  }
  return steps;
}

function stepOf([, name, single, double, index, all, filter, operator, value]: RegExpExecArray): Step {
  const key = name ?? single ?? double;
  if (key !== undefined) return { type: 'key', key: key.replaceAll('\u0000', '.') };
  if (index !== undefined) return { type: 'index', index: Number(index) };
  if (all !== undefined || filter === undefined) return { type: 'all' };
  return { type: 'where', path: filter.slice(1).split('.'), equal: operator === '==', value: literal(value ?? '') };
}

function literal(text: string): unknown {
  const quoted = /^(['"])(.*)\1$/.exec(text.trim());
  if (quoted) return quoted[2];
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** A function that gives what is at the path, the first value if there are several; `undefined` if there is none. */
export function compilePath(path: string): (object: unknown) => unknown {
  const steps = parsePath(path);
  const keys = plainKeys(steps);
  return keys ? (object) => follow(object, keys) : (object) => walk(object, steps)[0];
}

/** True if there can be several values at the path. */
export function isPlural(path: string): boolean {
  return plainKeys(parsePath(path)) === undefined;
}

/** Keys and indices that lead to one value; `undefined` if some step can lead to several. */
function plainKeys(steps: readonly Step[]): readonly (string | number)[] | undefined {
  const keys: (string | number)[] = [];
  for (const step of steps) {
    if (step.type === 'key') keys.push(step.key);
    else if (step.type === 'index' && step.index >= 0) keys.push(step.index);
    else return undefined;
  }
  return keys;
}

/** A function that gives every value at the path. */
export function compilePathAll(path: string): (object: unknown) => unknown[] {
  const steps = parsePath(path);
  return (object) => walk(object, steps);
}

function follow(object: unknown, keys: readonly (string | number)[]): unknown {
  let value = object;
  for (const key of keys) {
    value = member(value, key);
    if (value === undefined) return undefined;
  }
  return value;
}

function member(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string | number, unknown>)[key] ?? undefined;
}

function walk(object: unknown, steps: readonly Step[]): unknown[] {
  let values = [object];
  for (const step of steps) values = values.flatMap((value) => take(value, step));
  return values.filter((value) => value !== undefined && value !== null);
}

function take(value: unknown, step: Step): unknown[] {
  switch (step.type) {
    case 'key':
      return [member(value, step.key)];
    case 'index':
      return Array.isArray(value) ? [value.at(step.index) as unknown] : [];
    case 'all':
      return elements(value);
    case 'where':
      return elements(value).filter((element) => (follow(element, step.path) === step.value) === step.equal);
  }
}

function elements(value: unknown): unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  return typeof value === 'object' && value !== null ? Object.values(value) : [];
}
