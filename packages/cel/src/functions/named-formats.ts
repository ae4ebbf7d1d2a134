import { isDns1035Label, isDnsLabel, isDnsSubdomain, isQualifiedName, isValidLabelValue } from '@keelson/api';
import { opaque } from '../types/cel-type.ts';
import { ArrayList } from '../values/lists.ts';
import { parseTimestamp } from '../values/times.ts';
import { CelOptional, type CelOpaque, type CelValue } from '../values/value.ts';
import { overload, type Overload } from './overload.ts';

const TYPE = opaque('kubernetes.NamedFormat');
const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;

type Check = (text: string) => readonly string[];

function check(test: (text: string) => boolean, message: string): Check {
  return (text) => (test(text) ? [] : [message]);
}

/** The rules of generateName: a dash at the end stands for what will follow. */
function prefix(inner: Check): Check {
  return (text) => inner(text.endsWith('-') && text.length > 1 ? `${text.slice(0, -1)}a` : text);
}

const FORMATS: Readonly<Record<string, Check>> = {
  dns1123Label: isDnsLabel,
  dns1123Subdomain: isDnsSubdomain,
  dns1035Label: isDns1035Label,
  qualifiedName: isQualifiedName,
  dns1123LabelPrefix: prefix(isDnsLabel),
  dns1123SubdomainPrefix: prefix(isDnsSubdomain),
  dns1035LabelPrefix: prefix(isDns1035Label),
  labelValue: isValidLabelValue,
  uri: check((text) => URL.canParse(text) || text.startsWith('/'), 'invalid URI'),
  uuid: check((text) => UUID.test(text), 'does not match the UUID format'),
  byte: check((text) => BASE64.test(text), 'invalid base64'),
  date: check((text) => DATE.test(text) && isTime(`${text}T00:00:00Z`), 'invalid date'),
  datetime: check(isTime, 'invalid datetime'),
};

function isTime(text: string): boolean {
  try {
    return parseTimestamp(text) !== undefined;
  } catch {
    return false;
  }
}

class FormatValue implements CelOpaque {
  readonly kind = 'opaque';
  readonly type = TYPE;
  readonly name: string;
  readonly check: Check;

  constructor(name: string, check: Check) {
    this.name = name;
    this.check = check;
  }

  equals(other: CelOpaque): boolean {
    return other instanceof FormatValue && this.name === other.name;
  }
}

/** Kubernetes' formats of names, such as `format.dns1123Label()`. */
export function formatFunctions(): Overload[] {
  const F = TYPE.name;
  const named = new Map(Object.entries(FORMATS).map(([name, test]) => [name, new FormatValue(name, test)]));
  return [
    ...[...named].map(([name, value]) => overload(`format-${name}`, `${name}() ${F}`, (): CelValue => value, `format.${name}`)),
    overload(
      'format-named',
      `named(string) optional(${F})`,
      (name: string) => {
        const found = named.get(name);
        return found ? new CelOptional(found) : CelOptional.NONE;
      },
      'format.named',
    ),
    overload('format-validate', `${F}.validate(string) optional(list(string))`, (format: FormatValue, text: string) => {
      const problems = format.check(text);
      return problems.length === 0 ? CelOptional.NONE : new CelOptional(new ArrayList(problems));
    }),
  ];
}
