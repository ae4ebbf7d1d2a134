/** Checks of names, each giving upstream's messages of what is wrong; an empty list means valid. */
export type NameCheck = (text: string) => readonly string[];

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const DNS_1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';

interface Pattern {
  readonly regex: RegExp;
  readonly message: string;
}

function pattern(source: string, rule: string, ...examples: readonly string[]): Pattern {
  const hint = examples.length === 0 ? '' : `e.g. ${examples.map((example) => `'${example}', `).join(' or ')}`;
  return { regex: new RegExp(`^(?:${source})$`), message: `${rule} (${hint}regex used for validation is '${source}')` };
}

const EDGES = 'and must start and end with an alphanumeric character';
const PATTERNS = {
  label: pattern(
    LABEL,
    `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', ${EDGES}`,
    'my-name',
    '123-abc',
  ),
  subdomain: pattern(
    SUBDOMAIN,
    `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', ${EDGES}`,
    'example.com',
  ),
  wildcard: pattern(
    `\\*\\.${SUBDOMAIN}`,
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
    '*.example.com',
  ),
  dns1035: pattern(
    DNS_1035,
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
    'my-name',
    'abc-123',
  ),
  qualified: pattern(
    QUALIFIED,
    `must consist of alphanumeric characters, '-', '_' or '.', ${EDGES}`,
    'MyName',
    'my.name',
    '123-abc',
  ),
  labelValue: pattern(
    `(${QUALIFIED})?`,
    `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', ${EDGES}`,
    'MyValue',
    'my_value',
    '12345',
  ),
  cIdentifier: pattern(
    '[A-Za-z_][A-Za-z0-9_]*',
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
    'my_name',
    'MY_NAME',
    'MyName',
  ),
  configKey: pattern(
    '[-._a-zA-Z0-9]+',
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    'key.name',
    'KEY_NAME',
    'key-name',
  ),
  httpHeader: pattern('[-A-Za-z0-9]+', "a valid HTTP header must consist of alphanumeric characters or '-'", 'X-Header-Name'),
  percent: pattern('[0-9]+%', "a valid percent string must be a numeric string followed by an ending '%'", '1%', '93%'),
} as const satisfies Record<string, Pattern>;

/** In UTF-8. A loop is faster than an encoder for texts of this length. */
function byteLength(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    // A surrogate pair counts as two, of two bytes each.
    if (code >= 0x80) bytes += code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}

/** Upstream's wording for a text of more than `max` bytes. */
export function maxLengthMessage(max: number): string {
  return `must be no more than ${max} bytes`;
}

function check(text: string, { regex, message }: Pattern, maxBytes?: number): string[] {
  const messages: string[] = [];
  if (maxBytes !== undefined && byteLength(text) > maxBytes) messages.push(maxLengthMessage(maxBytes));
  if (!regex.test(text)) messages.push(message);
  return messages;
}

/** RFC 1123 label, at most 63 bytes: names of namespaces and services' ports, host names. */
export function isDnsLabel(text: string): readonly string[] {
  return check(text, PATTERNS.label, 63);
}

/** RFC 1123 subdomain, at most 253 bytes: names of most objects. */
export function isDnsSubdomain(text: string): readonly string[] {
  return check(text, PATTERNS.subdomain, 253);
}

/** `*.` and a subdomain, at most 253 bytes: hosts of an Ingress. */
export function isWildcardDnsSubdomain(text: string): readonly string[] {
  return check(text, PATTERNS.wildcard, 253);
}

/** RFC 1035 label, at most 63 bytes: names of Services. */
export function isDns1035Label(text: string): readonly string[] {
  return check(text, PATTERNS.dns1035, 63);
}

/** `[prefix/]name`: keys of labels and annotations, finalizers, resource and taint names. */
export function isQualifiedName(text: string): readonly string[] {
  const parts = text.split('/');
  if (parts.length > 2) {
    return [
      `a qualified name ${PATTERNS.qualified.message} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const name = parts.at(-1) ?? '';
  const messages: string[] = [];
  if (parts.length === 2) messages.push(...isPrefix(parts[0] ?? ''));
  if (name === '') messages.push('name part must be non-empty');
  else if (byteLength(name) > 63) messages.push(`name part ${maxLengthMessage(63)}`);
  if (!PATTERNS.qualified.regex.test(name)) messages.push(`name part ${PATTERNS.qualified.message}`);
  return messages;
}

function isPrefix(prefix: string): readonly string[] {
  if (prefix === '') return ['prefix part must be non-empty'];
  return isDnsSubdomain(prefix).map((message) => `prefix part ${message}`);
}

/** At most 63 bytes, possibly empty. */
export function isValidLabelValue(text: string): readonly string[] {
  return check(text, PATTERNS.labelValue, 63);
}

/** What can stand between slashes of a URL: names of RBAC objects. */
export function isPathSegmentName(text: string): readonly string[] {
  if (text === '.' || text === '..') return [`may not be '${text}'`];
  return isPathSegmentPrefix(text);
}

/** As `isPathSegmentName`, for the start of a name. */
export function isPathSegmentPrefix(text: string): readonly string[] {
  return ['/', '%'].filter((character) => text.includes(character)).map((character) => `may not contain '${character}'`);
}

export function isCIdentifier(text: string): readonly string[] {
  return check(text, PATTERNS.cIdentifier);
}

const RELAXED_ENV_VAR = /^[ -<>-~]*$/;

/** Printable ASCII without `=`. */
export function isEnvVarName(text: string): readonly string[] {
  if (text === '') return ['environment variable name must be non-empty'];
  return RELAXED_ENV_VAR.test(text)
    ? []
    : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

/** Keys of a ConfigMap or Secret: they become file names. */
export function isConfigMapKey(text: string): readonly string[] {
  return [...check(text, PATTERNS.configKey, 253), ...startsAsParentFolder(text)];
}

function startsAsParentFolder(text: string): readonly string[] {
  if (text === '.') return ["must not be '.'"];
  if (text === '..') return ["must not be '..'"];
  return text.startsWith('..') ? ["must not start with '..'"] : [];
}

/** Name of a container's port: an IANA service name. */
export function isValidPortName(text: string): readonly string[] {
  const messages: string[] = [];
  if (text.length > 15) messages.push(maxLengthMessage(15));
  if (!/^[-a-z0-9]+$/.test(text)) messages.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(text)) messages.push('must contain at least one letter (a-z)');
  if (text.includes('--')) messages.push('must not contain consecutive hyphens');
  if (text.startsWith('-') || text.endsWith('-')) messages.push('must not begin or end with a hyphen');
  return messages;
}

export function isValidPortNumber(port: number): readonly string[] {
  return Number.isInteger(port) && port >= 1 && port <= 65_535 ? [] : ['must be between 1 and 65535, inclusive'];
}

export function isHttpHeaderName(text: string): readonly string[] {
  return check(text, PATTERNS.httpHeader);
}

/** `25%`. */
export function isPercentage(text: string): readonly string[] {
  return check(text, PATTERNS.percent);
}
