import { apiVersionOf, badRequest, type KubernetesObject, stringifyJson } from '@keelson/api';
import { KeelsonError, type Clock } from '@keelson/base';
import { encodeWatchEvent, PROTOBUF } from '../protobuf/index.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { WatchNote } from '../storage/cache-event.ts';
import type { ListResult, ObjectsResult } from './api-result.ts';
import type { Representation } from './representation.ts';
import { bookmarkObject, glancedObject, itemsSayTheirKind, servedFrame, servedObject } from './served-object.ts';

/** What a Table is made of, by whoever knows columns. */
export interface TableParts {
  readonly columnDefinitions: readonly object[];
  readonly rows: readonly object[];
}

export interface TableOptions {
  readonly includeObject: 'None' | 'Metadata' | 'Object';
  readonly nowMs: number;
}

interface WatchLine {
  readonly type: string;
  readonly object: object;
}

export type TableMaker = (
  definition: ResourceDefinition,
  objects: readonly Readonly<KubernetesObject>[],
  options: TableOptions,
) => TableParts;

interface WatchForm {
  frame(note: WatchNote): Buffer;
  bookmark(resourceVersion: string, initialEventsEnd: boolean): object;
  line(event: WatchLine): Buffer;
  readonly contentType: string;
  readonly name: string | undefined;
}

/** Puts objects, lists and watches into the form that a client asked for. */
export class Representer {
  readonly #makeTable: TableMaker;
  readonly #clock: Clock;

  constructor(makeTable: TableMaker, clock: Clock) {
    this.#makeTable = makeTable;
    this.#clock = clock;
  }

  /** One object. What is no object (a Status, say) stays as it is. Throws `NotAcceptable` if the form is one of lists. */
  value(
    { as, version }: Representation,
    definition: ResourceDefinition,
    { value, includeObject }: { readonly value: unknown; readonly includeObject?: string | undefined },
  ): unknown {
    if (!isObjectOf(definition, value)) return value;
    if (as === 'PartialObjectMetadataList') throw wrongForm(`${as}, but the requested object is not a list`, definition.kind);
    if (as === 'PartialObjectMetadata') return partialOf(value, version);
    if (as !== 'Table') return value;
    const metadata = { resourceVersion: value.metadata?.resourceVersion };
    return this.#table(definition, [value], { includeObject, version, metadata });
  }

  /** Throws `NotAcceptable` if the form is one of single objects. */
  list(representation: Representation, { definition, items, metadata }: ListResult, includeObject: string | undefined): unknown {
    const objects = items.map((item) => glancedObject(definition, item));
    return this.objects(representation, { type: 'objects', definition, objects, metadata }, includeObject);
  }

  /** As `list`. */
  objects({ as, version }: Representation, result: ObjectsResult, includeObject: string | undefined): unknown {
    const { definition, objects, metadata } = result;
    if (as === 'PartialObjectMetadata') throw wrongForm(`${as}, but the requested object is a list`, definition.listKind);
    if (as === 'Table') return this.#table(definition, objects, { includeObject, version, metadata });
    if (as === 'PartialObjectMetadataList') {
      const partial = objects.map((object) => partialOf(object, version));
      return { kind: as, apiVersion: metaVersion(version), metadata, items: partial };
    }
    const shown = itemsSayTheirKind(definition) ? objects : objects.map(withoutHead);
    return { kind: definition.listKind, apiVersion: apiVersionOf(definition), metadata, items: shown };
  }

  watchFormat(
    { as, version, mediaType }: Representation,
    definition: ResourceDefinition,
    includeObject: string | undefined,
  ): WatchForm {
    if (as === 'PartialObjectMetadataList') throw wrongForm(`${as}, but the requested object is not a list`, definition.kind);
    if (as === 'Table') return this.#tableForm(definition, includeObject, version);
    const shape = as === 'PartialObjectMetadata' ? (version ?? 'v1') : undefined;
    if (mediaType === PROTOBUF) return protobufForm(definition, shape);
    if (shape) return partialForm(definition, shape);
    return {
      line,
      contentType: 'application/json',
      name: apiVersionOf(definition),
      frame: (note) => servedFrame(definition, note),
      bookmark: (version, isEnd) => bookmarkObject(definition, version, isEnd),
    };
  }

  /** Only the first Table of a watch has column definitions. */
  #tableForm(definition: ResourceDefinition, includeObject: string | undefined, version: Representation['version']): WatchForm {
    includeOf(includeObject);
    let isFirst = true;
    return {
      line,
      contentType: 'application/json',
      name: undefined,
      frame: ({ type, item }) => {
        const object = servedObject(definition, item);
        const metadata = { resourceVersion: item.resourceVersion };
        const table = this.#table(definition, [object], { includeObject, version, metadata });
        const sent = isFirst ? table : { ...table, columnDefinitions: null };
        isFirst = false;
        return line({ type, object: sent });
      },
      bookmark: (revision, isEnd) => {
        const { metadata } = bookmarkObject(definition, revision, isEnd);
        return { kind: 'Table', apiVersion: metaVersion(version), metadata, columnDefinitions: null, rows: [] };
      },
    };
  }

  #table(
    definition: ResourceDefinition,
    objects: readonly Readonly<KubernetesObject>[],
    { includeObject, version, metadata }: TableWish,
  ): object {
    const parts = this.#makeTable(definition, objects, { includeObject: includeOf(includeObject), nowMs: this.#clock.now() });
    return {
      kind: 'Table',
      apiVersion: metaVersion(version),
      metadata,
      columnDefinitions: parts.columnDefinitions,
      rows: parts.rows,
    };
  }
}

interface TableWish {
  readonly includeObject: string | undefined;
  readonly version: Representation['version'];
  readonly metadata: object;
}

/** What each row carries of its object. Throws `BadRequest`. */
function includeOf(text: string | undefined): TableOptions['includeObject'] {
  if (text === undefined) return 'Metadata';
  if (text === 'None' || text === 'Metadata' || text === 'Object') return text;
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(text)}: must be 'Metadata', 'Object', 'None', or empty`,
  );
}

function metaVersion(version: Representation['version'] | 'v1'): string {
  return `meta.k8s.io/${version ?? 'v1'}`;
}

function wrongForm(why: string, kind: string): KeelsonError {
  return new KeelsonError('NotAcceptable', `you requested ${why} (*v1.${kind})`);
}

function partialForm(definition: ResourceDefinition, version: 'v1' | 'v1beta1'): WatchForm {
  const name = `partial ${version} ${apiVersionOf(definition)}`;
  return {
    line,
    contentType: 'application/json',
    name,
    frame: (note) => note.form(name, ({ type, item }) => line({ type, object: partialOf(item.object(), version) })),
    bookmark: (revision, isEnd) => partialOf(bookmarkObject(definition, revision, isEnd), version),
  };
}

/** `partial`: only metadata, in that version. */
function protobufForm(definition: ResourceDefinition, partial: 'v1' | 'v1beta1' | undefined): WatchForm {
  const name = `protobuf ${partial ?? 'whole'} ${apiVersionOf(definition)}`;
  const shown = (object: Readonly<KubernetesObject>): object => (partial ? partialOf(object, partial) : object);
  return {
    name,
    line: protobufLine,
    contentType: `${PROTOBUF};stream=watch`,
    frame: (note) => note.form(name, ({ type, item }) => protobufLine({ type, object: shown(servedObject(definition, item)) })),
    bookmark: (version, isEnd) => shown(bookmarkObject(definition, version, isEnd)),
  };
}

function protobufLine({ type, object }: WatchLine): Buffer {
  // All that gets here is an object of the kind, or a Status.
  return encodeWatchEvent({ type, object: object as Parameters<typeof encodeWatchEvent>[0]['object'] });
}

function line(value: object): Buffer {
  return Buffer.from(`${stringifyJson(value)}\n`);
}

/** Only the metadata. */
function partialOf({ metadata }: Readonly<KubernetesObject>, version: Representation['version'] | 'v1'): object {
  return { kind: 'PartialObjectMetadata', apiVersion: metaVersion(version), metadata };
}

function withoutHead(object: Readonly<KubernetesObject>): object {
  const { kind: _kind, apiVersion: _apiVersion, ...rest } = object;
  return rest;
}

function isObjectOf(definition: ResourceDefinition, value: unknown): value is KubernetesObject {
  return typeof value === 'object' && value !== null && (value as KubernetesObject).kind === definition.kind;
}
