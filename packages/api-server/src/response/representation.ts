import { apiVersionOf, notAcceptable } from '@keelson/api';
import { parseAccept, takes, type AcceptedType } from '../discovery/accept.ts';
import { canEncode, PROTOBUF } from '../protobuf/index.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';

/** In which form a client wants objects. */
export interface Representation {
  readonly as: 'object' | 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';
  /** In which version of `meta.k8s.io` Tables and metadata come. */
  readonly version?: 'v1beta1';
  readonly mediaType: 'application/json' | 'application/yaml' | typeof PROTOBUF;
}

const PLAIN: Representation = { as: 'object', mediaType: 'application/json' };
const FORMS = new Set(['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList']);
const MEDIA_TYPES = ['application/json', 'application/yaml', PROTOBUF] as const;
/** YAML has no form for one event after the other. */
const STREAMED = new Set<string>(['application/json', PROTOBUF]);
const KEPT = 100;

const known = new Map<string, readonly Representation[]>();

/** Reads an `Accept` header: the best form that can be served, whatever is asked for. Throws `NotAcceptable`. */
export function representationOf(accept: string | undefined): Representation {
  if (isPlain(accept)) return PLAIN;
  const [best] = representationsOf(accept);
  if (!best) throw notAcceptable(MEDIA_TYPES);
  return best;
}

/** As `representationOf`, for objects of one kind, one after the other if they are watched. */
export function negotiate(
  accept: string | undefined,
  definition: ResourceDefinition | undefined,
  isWatch: boolean,
): Representation {
  if (isPlain(accept)) return PLAIN;
  for (const form of representationsOf(accept)) if (fits(form, definition, isWatch)) return form;
  throw notAcceptable(isWatch ? [...STREAMED].map((type) => `${type};stream=watch`) : MEDIA_TYPES);
}

function isPlain(accept: string | undefined): accept is undefined {
  return accept === undefined || accept === '' || accept === '*/*' || accept === 'application/json';
}

function fits({ as, mediaType }: Representation, definition: ResourceDefinition | undefined, isWatch: boolean): boolean {
  if (isWatch && !STREAMED.has(mediaType)) return false;
  if (as === 'Table' && definition && isNeverShown(definition)) return false;
  if (mediaType !== PROTOBUF || as !== 'object' || !definition) return true;
  return canEncode({ kind: definition.kind, apiVersion: apiVersionOf(definition) });
}

/** What can only be created, such as reviews, has no columns. */
function isNeverShown({ storage, verbs }: ResourceDefinition): boolean {
  return !storage && !verbs.includes('get') && !verbs.includes('list');
}

/** All forms that an `Accept` header names and that can be served, best first. */
function representationsOf(accept: string): readonly Representation[] {
  const found = known.get(accept);
  if (found) return found;
  const parsed = parseAccept(accept).flatMap(formsOf);
  if (known.size >= KEPT) known.clear();
  known.set(accept, parsed);
  return parsed;
}

function formsOf(entry: AcceptedType): Representation[] {
  const { parameters } = entry;
  const as = parameters.get('as');
  const version = parameters.get('v');
  const isForm =
    as !== undefined && FORMS.has(as) && parameters.get('g') === 'meta.k8s.io' && (version === 'v1' || version === 'v1beta1');
  if (as !== undefined && !isForm) return [];
  // Cells of a Table may hold anything: there is no message for them.
  return MEDIA_TYPES.filter((type) => takes(entry, type) && !(as === 'Table' && type === PROTOBUF)).map((mediaType) => ({
    as: isForm ? (as as Representation['as']) : 'object',
    ...(isForm && version === 'v1beta1' && { version }),
    mediaType,
  }));
}
