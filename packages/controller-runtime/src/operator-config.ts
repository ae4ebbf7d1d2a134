import { readFile } from 'node:fs/promises';
import { isDnsLabel } from '@keelson/api';
import { errorMessage, KeelsonError, type LogLevel } from '@keelson/base';
import { parse } from 'yaml';

/** What those who run an operator may set, in a file beside it. What it says goes before what the program says. */
export interface OperatorConfiguration {
  /** Takes effect while the operator runs. */
  readonly logLevel?: LogLevel;
  /** Those that the operator works in. */
  readonly namespaces?: readonly string[];
  readonly leaderElection?: boolean | { readonly namespace: string };
  readonly statusPort?: number;
  /** By the names that the operator knows. */
  readonly featureGates?: Readonly<Record<string, boolean>>;
  /** By name. */
  readonly controllers?: Readonly<Record<string, ControllerConfiguration>>;
}

export interface ControllerConfiguration {
  /** Default true. */
  readonly enabled?: boolean;
  readonly concurrency?: number;
  readonly timeoutMs?: number;
}

export const CONFIG_API_VERSION = 'operator.keelson.dev/v1alpha1';
const KIND = 'OperatorConfiguration';
const LEVELS: readonly string[] = ['debug', 'info', 'warn', 'error'];

type Check = (value: unknown) => string | undefined;
type Values = Readonly<Record<string, unknown>>;

const text: Check = (value) => (typeof value === 'string' ? undefined : 'must be a text');
const flag: Check = (value) => (typeof value === 'boolean' ? undefined : 'must be true or false');
const count: Check = (value) => (Number.isInteger(value) && Number(value) > 0 ? undefined : 'must be a whole number above 0');
const port: Check = (value) =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) < 65_536 ? undefined : 'must be a port: 0 to 65535';
const level: Check = (value) => (LEVELS.includes(String(value)) ? undefined : `must be one of ${LEVELS.join(', ')}`);
const namespaces: Check = (value) => {
  if (!Array.isArray(value) || value.length === 0) return 'must be a list of at least one namespace';
  const wrong = value.find((name) => typeof name !== 'string' || isDnsLabel(name).length > 0);
  return wrong === undefined ? undefined : `"${String(wrong)}" is no name of a namespace`;
};
const election: Check = (value) => (flag(value) === undefined ? undefined : fields({ namespace: text })(value));

const CONTROLLER = { enabled: flag, concurrency: count, timeoutMs: count };
const CHECKS: Readonly<Record<keyof OperatorConfiguration | 'apiVersion' | 'kind', Check>> = {
  apiVersion: (value) => (value === CONFIG_API_VERSION ? undefined : `must be ${CONFIG_API_VERSION}`),
  kind: (value) => (value === KIND ? undefined : `must be ${KIND}`),
  logLevel: level,
  namespaces,
  leaderElection: election,
  statusPort: port,
  featureGates: every(flag),
  controllers: every(fields(CONTROLLER)),
};

/** Reads a configuration. `Invalid` with every field that is wrong or unknown; `NotFound` if there is no such file. */
export async function readOperatorConfiguration(file: string): Promise<OperatorConfiguration> {
  try {
    return parseOperatorConfiguration(await readFile(file, 'utf8'));
  } catch (cause) {
    if (cause instanceof KeelsonError) throw new KeelsonError(cause.reason, `${file}: ${cause.message}`, { cause });
    throw new KeelsonError('NotFound', `Cannot read the configuration "${file}": ${errorMessage(cause)}`, { cause });
  }
}

/** Of YAML or JSON. */
export function parseOperatorConfiguration(content: string): OperatorConfiguration {
  const value = parsed(content);
  const wrong = fields(CHECKS)(value) ?? missing(value);
  if (wrong !== undefined) throw new KeelsonError('Invalid', `The configuration is invalid: ${wrong}`);
  // As the checks have found it.
  const { apiVersion: _apiVersion, kind: _kind, ...configuration } = value as OperatorConfiguration & Values;
  return configuration;
}

function parsed(content: string): unknown {
  try {
    return parse(content);
  } catch (cause) {
    throw new KeelsonError('Invalid', `The configuration is no YAML: ${errorMessage(cause)}`, { cause });
  }
}

function missing(value: unknown): string | undefined {
  const absent = ['apiVersion', 'kind'].filter((field) => (value as Values)[field] === undefined);
  return absent.length === 0 ? undefined : absent.map((field) => `${field}: is required`).join('; ');
}

function fields(checks: Readonly<Record<string, Check>>): Check {
  return entries((field) => (Object.hasOwn(checks, field) ? checks[field] : undefined));
}

function every(check: Check): Check {
  return entries(() => check);
}

/** All that is wrong in an object, each with its path. */
function entries(checkOf: (field: string) => Check | undefined): Check {
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be an object';
    const wrong = Object.entries(value).flatMap(([field, inner]) => {
      const check = checkOf(field);
      const why = check ? check(inner) : 'is not known';
      return why === undefined ? [] : [`${field}: ${why}`];
    });
    return wrong.length === 0 ? undefined : wrong.join('; ');
  };
}
