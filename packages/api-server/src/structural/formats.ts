import { isDnsLabel, isDnsSubdomain } from '@keelson/api';
import { isIP, isIPv4, isIPv6 } from 'node:net';
import type { StructuralSchema } from './structural-schema.ts';

type Check = (text: string) => boolean;

const HEX = '[0-9a-f]';
const matches =
  (pattern: RegExp): Check =>
  (text) =>
    pattern.test(text);

/** The formats that upstream knows for texts, without dashes in their names. Its checks are Go's parsers; all patterns here are linear. */
const TEXT_FORMATS: Readonly<Record<string, Check>> = {
  bsonobjectid: matches(/^[0-9a-f]{24}$/i),
  uri: isRequestUri,
  email: isEmail,
  hostname: isHostname,
  ipv4: (text) => isIPv4(withoutLeadingZeros(text)),
  ipv6: (text) => isIPv6(text) && !text.includes('%'),
  cidr: isCidr,
  mac: isMac,
  uuid: matches(new RegExp(`^${HEX}{8}-?${HEX}{4}-?${HEX}{4}-?${HEX}{4}-?${HEX}{12}$`, 'i')),
  uuid3: matches(new RegExp(`^${HEX}{8}-?${HEX}{4}-?3${HEX}{3}-?${HEX}{4}-?${HEX}{12}$`, 'i')),
  uuid4: matches(new RegExp(`^${HEX}{8}-?${HEX}{4}-?4${HEX}{3}-?[89ab]${HEX}{3}-?${HEX}{12}$`, 'i')),
  uuid5: matches(new RegExp(`^${HEX}{8}-?${HEX}{4}-?5${HEX}{3}-?[89ab]${HEX}{3}-?${HEX}{12}$`, 'i')),
  isbn: (text) => isIsbn10(text) || isIsbn13(text),
  isbn10: isIsbn10,
  isbn13: isIsbn13,
  creditcard: isCreditCard,
  ssn: matches(/^\d{3}[- ]?\d{2}[- ]?\d{4}$/),
  hexcolor: matches(/^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/),
  rgbcolor: isRgbColor,
  byte: matches(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/),
  password: () => true,
  date: isDate,
  duration: isDuration,
  datetime: isDateTime,
  k8sshortname: (text) => isDnsLabel(text).length === 0,
  k8slongname: (text) => isDnsSubdomain(text).length === 0,
};

const NUMBER_FORMATS: Readonly<Record<string, readonly string[]>> = {
  integer: ['int32', 'int64'],
  number: ['float', 'double'],
};

/** The format of a schema, `''` if it has none that counts: what is unknown, or is of another type, is ignored. */
export function formatOf(schema: StructuralSchema): string {
  const { format = '' } = schema;
  if (format === '') return '';
  const type = schema['x-kubernetes-int-or-string'] === true ? '' : (schema.type ?? '');
  if (type === '' || type === 'string') return textCheck(format) ? format : '';
  return NUMBER_FORMATS[type]?.includes(format) === true ? format : '';
}

/** False for a format that is ignored. */
export function hasKnownFormat(schema: StructuralSchema): boolean {
  return (schema.format ?? '') === '' || formatOf(schema) !== '';
}

/** True if the text has the format, or if nothing is known of the format. */
export function hasFormat(format: string, text: string): boolean {
  return textCheck(format)?.(text) ?? true;
}

function textCheck(format: string): Check | undefined {
  const name = format.replaceAll('-', '');
  return Object.hasOwn(TEXT_FORMATS, name) ? TEXT_FORMATS[name] : undefined;
}

/** What stands in the first line of an HTTP request: an absolute URI or path. */
function isRequestUri(text: string): boolean {
  if (text === '' || /[^!-~\u0080-\uffff]/.test(text)) return false;
  if (text.startsWith('/')) return !/%(?![0-9a-f]{2})/i.test(text);
  return /^[a-z][a-z0-9+.-]*:./i.test(text) && URL.canParse(text);
}

const ATOM = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\uffff-]+$/;

/** `a@b.c` or `Name <a@b.c>`, as RFC 5322 has it. */
function isEmail(text: string): boolean {
  const bracketed = /^[^<>]*<([^<>]+)>\s*$/.exec(text);
  const address = (bracketed?.[1] ?? text).trim();
  const at = address.lastIndexOf('@');
  if (at < 1) return false;
  return (
    isLocalPart(address.slice(0, at)) &&
    address
      .slice(at + 1)
      .split('.')
      .every((part) => ATOM.test(part))
  );
}

function isLocalPart(text: string): boolean {
  if (/^"(?:[^"\\]|\\.)*"$/.test(text)) return true;
  return text.split('.').every((part) => ATOM.test(part));
}

function isHostname(text: string): boolean {
  if (Buffer.byteLength(text) > 255) return false;
  const labels = text.split('.');
  if (labels.some((label) => Buffer.byteLength(label) > 63)) return false;
  // Alone, a label may only have a dash as its second character: so says upstream's pattern.
  if (labels.length === 1) return /^[a-zA-Z0-9\p{S}\p{L}](-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?$/u.test(text);
  const top = labels.at(-1) ?? '';
  return labels.slice(0, -1).every(isHostLabel) && /^[a-zA-Z\p{L}]{2,63}$/u.test(top);
}

function isHostLabel(label: string): boolean {
  return /^[a-zA-Z0-9\p{S}\p{L}-]+$/u.test(label) && !label.startsWith('-') && !label.endsWith('-');
}

/** Go's older parsers, which are used here, take `010.0.0.1`. */
function withoutLeadingZeros(address: string): string {
  return address.replaceAll(/(^|\.)0+(?=\d)/g, '$1');
}

function isCidr(text: string): boolean {
  const [address = '', bits = '', more] = text.split('/');
  if (more !== undefined || !/^\d{1,3}$/.test(bits)) return false;
  const family = isIP(withoutLeadingZeros(address));
  return family !== 0 && Number(bits) <= (family === 4 ? 32 : 128);
}

/** Six, eight or twenty bytes, in pairs or in dotted fours. */
function isMac(text: string): boolean {
  const pairs = /^[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1)*[0-9a-f]{2}$/i.test(text);
  const fours = /^(?:[0-9a-f]{4}\.)+[0-9a-f]{4}$/i.test(text);
  const bytes = text.replaceAll(/[^0-9a-f]/gi, '').length / 2;
  return (pairs || fours) && [6, 8, 20].includes(bytes);
}

function isIsbn10(text: string): boolean {
  const digits = text.replaceAll(/[\s-]+/g, '');
  if (!/^\d{9}[\dX]$/.test(digits)) return false;
  const sum = digits.split('').reduce((total, digit, at) => total + (at + 1) * (digit === 'X' ? 10 : Number(digit)), 0);
  return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = text.replaceAll(/[\s-]+/g, '');
  if (!/^\d{13}$/.test(digits)) return false;
  const sum = digits.split('').reduce((total, digit, at) => total + Number(digit) * (at % 2 === 0 ? 1 : 3), 0);
  return sum % 10 === 0;
}

const CARD =
  /^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11})$/;

/** Of a known issuer, and with the right check digit. */
function isCreditCard(text: string): boolean {
  const digits = text.replaceAll(/[^0-9]+/g, '');
  if (!CARD.test(digits)) return false;
  let sum = 0;
  for (const [at, digit] of digits.split('').toReversed().entries()) {
    const value = Number(digit) * (at % 2 === 1 ? 2 : 1);
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 === 0;
}

function isRgbColor(text: string): boolean {
  const parts = /^rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)$/.exec(text);
  return parts !== null && parts.slice(1).every((part) => Number(part) <= 255 && !/^0\d/.test(part));
}

function isDate(text: string): boolean {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!parts) return false;
  const [year, month, day] = parts.slice(1).map(Number) as [number, number, number];
  return month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month);
}

function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

function isDateTime(text: string): boolean {
  const parts = /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/.exec(text);
  if (!parts) return false;
  const [, date = '', hours, minutes, seconds] = parts;
  return isDate(date) && Number(hours) <= 23 && Number(minutes) <= 59 && Number(seconds) <= 59;
}

const GO_DURATION = /^[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
/** The last word of each line stands for all that begin with it. */
const UNITS: readonly (readonly string[])[] = [
  ['ns', 'nano'],
  ['us', 'µs', 'micro'],
  ['ms', 'milli'],
  ['s', 'sec'],
  ['m', 'min'],
  ['h', 'hr', 'hour'],
  ['d', 'day'],
  ['w', 'wk', 'week'],
];

/** As Go writes it (`1h30m`), or with a number before a unit somewhere in the text (`3 days`). */
function isDuration(text: string): boolean {
  if (text === '0' || GO_DURATION.test(text)) return true;
  for (const [, unit = ''] of text.matchAll(/\d+\s*([A-Za-zµ]+)/g)) if (isUnit(unit.toLowerCase())) return true;
  return false;
}

function isUnit(unit: string): boolean {
  return UNITS.some((names) => names.includes(unit) || unit.startsWith(names.at(-1) ?? unit));
}
