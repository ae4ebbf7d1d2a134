import { notAcceptable } from '@keelson/api';
import { PROTOBUF } from '../protobuf/index.ts';

/** In which form a client wants objects. */
export interface Representation {
  readonly as: 'object' | 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';
  readonly mediaType: 'application/json' | 'application/yaml' | typeof PROTOBUF;
}

const PLAIN: Representation = { as: 'object', mediaType: 'application/json' };
const FORMS = new Set(['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList']);
const ACCEPTED = ['application/json', 'application/yaml', PROTOBUF];

const known = new Map<string, Representation>();

/** Reads an `Accept` header: the first of its entries that can be served. Throws `NotAcceptable`. */
export function representationOf(accept: string | undefined): Representation {
  if (accept === undefined || accept === '' || accept === '*/*' || accept === 'application/json') return PLAIN;
  const found = known.get(accept);
  if (found) return found;
  const parsed = parseAccept(accept);
  if (known.size > 100) known.clear();
  known.set(accept, parsed);
  return parsed;
}

function parseAccept(accept: string): Representation {
  for (const entry of accept.split(',')) {
    const representation = parseEntry(entry);
    if (representation) return representation;
  }
  throw notAcceptable(ACCEPTED);
}

function parseEntry(entry: string): Representation | undefined {
  const [type = '', ...parameters] = entry.split(';').map((part) => part.trim());
  const values = new Map(parameters.map((parameter) => splitOnce(parameter)));
  const mediaType = mediaTypeOf(type.toLowerCase());
  if (!mediaType) return undefined;
  const as = values.get('as');
  if (as === undefined) return { as: 'object', mediaType };
  const isKnown = FORMS.has(as) && values.get('g') === 'meta.k8s.io' && values.get('v') === 'v1';
  // Cells of a Table may hold anything: there is no message for them.
  if (as === 'Table' && mediaType === PROTOBUF) return undefined;
  return isKnown ? { as: as as Representation['as'], mediaType } : undefined;
}

function mediaTypeOf(type: string): Representation['mediaType'] | undefined {
  if (type === 'application/json' || type === '*/*' || type === 'application/*') return 'application/json';
  return type === 'application/yaml' || type === PROTOBUF ? type : undefined;
}

function splitOnce(parameter: string): [string, string] {
  const at = parameter.indexOf('=');
  return at < 0 ? [parameter, ''] : [parameter.slice(0, at), parameter.slice(at + 1)];
}
