import { opaque } from '../types/cel-type.ts';
import { EvaluationFailure } from '../values/failure.ts';
import { ArrayList } from '../values/lists.ts';
import { EntryMap } from '../values/maps.ts';
import type { CelKey, CelOpaque, CelValue } from '../values/value.ts';
import { overload, type Overload } from './overload.ts';

const TYPE = opaque('kubernetes.URL');
const SHAPE = /^(?:(?<scheme>[a-zA-Z][a-zA-Z0-9+.-]*):(?:\/\/(?<host>[^/?]*))?)?(?<path>\/[^?]*)?(?:\?(?<query>.*))?$/;
const HOST = /^(?:[^@]*@)?(?<host>\[(?<six>[^\]]*)\](?::(?<sixPort>\d*))?|(?<name>[^:\s<>"\\^`{|}]*)(?::(?<port>\d*))?)$/;
// oxlint-disable-next-line no-control-regex -- what Go refuses
const CONTROL = /[\u0000-\u0020\u007f]/;
const BAD_ESCAPE = /%(?![0-9a-fA-F]{2})/;

class UrlValue implements CelOpaque {
  readonly kind = 'opaque';
  readonly type = TYPE;
  readonly text: string;
  readonly scheme: string;
  readonly host: string;
  readonly hostname: string;
  readonly port: string;
  readonly path: string;
  readonly query: string;

  constructor(text: string) {
    const parts = SHAPE.exec(text)?.groups;
    const host = HOST.exec(parts?.['host'] ?? '')?.groups;
    const isAbsolute = parts?.['scheme'] !== undefined || parts?.['path'] !== undefined;
    const hasPlace = parts?.['host'] !== undefined || parts?.['path'] !== undefined;
    if (!parts || !host || !isAbsolute || !hasPlace || CONTROL.test(text) || BAD_ESCAPE.test(parts['path'] ?? '')) {
      throw new EvaluationFailure(
        `URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`,
      );
    }
    this.text = text;
    this.scheme = (parts['scheme'] ?? '').toLowerCase();
    this.host = host['host'] ?? '';
    this.hostname = host['six'] ?? host['name'] ?? '';
    this.port = host['sixPort'] ?? host['port'] ?? '';
    this.path = parts['path'] ?? '';
    this.query = parts['query'] ?? '';
  }

  equals(other: CelOpaque): boolean {
    return other instanceof UrlValue && this.text === other.text;
  }
}

/** Kubernetes' URLs. */
export function urlFunctions(): Overload[] {
  const U = TYPE.name;
  const part = (id: string, name: string, read: (url: UrlValue) => string) => overload(id, `${U}.${name}() string`, read);
  return [
    overload('string_to_url', `url(string) ${U}`, (text: string) => new UrlValue(text)),
    overload('is_url_string', 'isURL(string) bool', isUrl),
    part('url_get_scheme', 'getScheme', ({ scheme }) => scheme),
    part('url_get_host', 'getHost', ({ host }) => host),
    part('url_get_hostname', 'getHostname', ({ hostname }) => hostname),
    part('url_get_port', 'getPort', ({ port }) => port),
    part('url_get_escaped_path', 'getEscapedPath', ({ path }) => escapePath(path)),
    overload('url_get_query', `${U}.getQuery() map(string,list(string))`, ({ query }: UrlValue) => queryOf(query)),
  ];
}

function isUrl(text: string): boolean {
  try {
    return new UrlValue(text).text === text;
  } catch {
    return false;
  }
}

function escapePath(path: string): string {
  return path.replaceAll(/[^\w$&+,/:;=@!'()*~.%[\]-]/gu, encodeURIComponent);
}

function queryOf(query: string): EntryMap {
  const entries = new Map<CelKey, readonly [CelValue, CelValue]>();
  const parameters = new URLSearchParams(query);
  for (const name of parameters.keys()) entries.set(name, [name, new ArrayList(parameters.getAll(name))]);
  return new EntryMap(entries);
}
