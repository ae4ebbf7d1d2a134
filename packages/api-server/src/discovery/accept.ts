/** One entry of an `Accept` header. */
export interface AcceptedType {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** The entries of an `Accept` header, best first: by `q`, then in their order. No header accepts anything. */
export function parseAccept(accept: string | undefined): AcceptedType[] {
  if (accept === undefined || accept.trim() === '') return [{ type: '*/*', parameters: new Map() }];
  const entries = accept.split(',').map(parseEntry);
  return entries.filter((entry) => qualityOf(entry) > 0).sort((a, b) => qualityOf(b) - qualityOf(a));
}

function parseEntry(entry: string): AcceptedType {
  const [type = '', ...parameters] = entry.split(';').map((part) => part.trim());
  return { type: type.toLowerCase(), parameters: new Map(parameters.map(splitOnce)) };
}

function splitOnce(parameter: string): [string, string] {
  const at = parameter.indexOf('=');
  return at < 0 ? [parameter, ''] : [parameter.slice(0, at), parameter.slice(at + 1)];
}

function qualityOf({ parameters }: AcceptedType): number {
  const quality = Number(parameters.get('q') ?? 1);
  return Number.isNaN(quality) ? 1 : quality;
}

/** True if the entry takes this media type, which has no parameters. */
export function takes({ type }: AcceptedType, mediaType: string): boolean {
  return type === mediaType || type === '*/*' || type === `${mediaType.split('/')[0]}/*`;
}
