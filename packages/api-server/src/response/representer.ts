import { apiVersionOf, type KubernetesObject, stringifyJson } from '@keelson/api';
import type { Clock } from '@keelson/base';
import { canEncode, encodeWatchEvent, PROTOBUF } from '../protobuf/index.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { WatchNote } from '../storage/cache-event.ts';
import type { ListResult } from './api-result.ts';
import type { Representation } from './representation.ts';
import { bookmarkObject, servedFrame, servedObject } from './served-object.ts';

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

  /** One object. What is no object (a Status, say) stays as it is. */
  value(
    { as }: Representation,
    definition: ResourceDefinition,
    { value, includeObject }: { readonly value: unknown; readonly includeObject?: string | undefined },
  ): unknown {
    if (!isObjectOf(definition, value)) return value;
    if (as === 'PartialObjectMetadata') return partialOf(value);
    if (as !== 'Table') return value;
    return this.#table(definition, [value], { includeObject, metadata: { resourceVersion: value.metadata?.resourceVersion } });
  }

  list({ as }: Representation, { definition, items, metadata }: ListResult, includeObject: string | undefined): unknown {
    const objects = items.map((item) => servedObject(definition, item));
    if (as === 'Table') return this.#table(definition, objects, { includeObject, metadata });
    if (as === 'PartialObjectMetadataList' || as === 'PartialObjectMetadata') {
      return { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items: objects.map(partialOf) };
    }
    return { kind: definition.listKind, apiVersion: apiVersionOf(definition), metadata, items: objects.map(withoutHead) };
  }

  watchFormat({ as, mediaType }: Representation, definition: ResourceDefinition, includeObject: string | undefined): WatchForm {
    if (as === 'Table') return this.#tableForm(definition, includeObject);
    const isPartial = as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList';
    const head = { kind: definition.kind, apiVersion: apiVersionOf(definition) };
    if (mediaType === PROTOBUF && canEncode(head)) return protobufForm(definition, isPartial);
    if (isPartial) return partialForm(definition);
    return {
      line,
      contentType: 'application/json',
      name: apiVersionOf(definition),
      frame: (note) => servedFrame(definition, note),
      bookmark: (version, isEnd) => bookmarkObject(definition, version, isEnd),
    };
  }

  /** Only the first Table of a watch has column definitions. */
  #tableForm(definition: ResourceDefinition, includeObject: string | undefined): WatchForm {
    let isFirst = true;
    return {
      line,
      contentType: 'application/json',
      name: undefined,
      frame: ({ type, item }) => {
        const object = servedObject(definition, item);
        const table = this.#table(definition, [object], { includeObject, metadata: { resourceVersion: item.resourceVersion } });
        const sent = isFirst ? table : { ...table, columnDefinitions: null };
        isFirst = false;
        return line({ type, object: sent });
      },
      bookmark: (version, isEnd) => {
        const { metadata } = bookmarkObject(definition, version, isEnd);
        return { kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata, columnDefinitions: null, rows: [] };
      },
    };
  }

  #table(
    definition: ResourceDefinition,
    objects: readonly Readonly<KubernetesObject>[],
    { includeObject, metadata }: { readonly includeObject: string | undefined; readonly metadata: object },
  ): object {
    const wanted = includeObject === 'None' || includeObject === 'Object' ? includeObject : 'Metadata';
    const parts = this.#makeTable(definition, objects, { includeObject: wanted, nowMs: this.#clock.now() });
    return {
      kind: 'Table',
      apiVersion: 'meta.k8s.io/v1',
      metadata,
      columnDefinitions: parts.columnDefinitions,
      rows: parts.rows,
    };
  }
}

function partialForm(definition: ResourceDefinition): WatchForm {
  const name = `partial ${apiVersionOf(definition)}`;
  return {
    line,
    contentType: 'application/json',
    name,
    frame: (note) => note.form(name, ({ type, item }) => line({ type, object: partialOf(item.object()) })),
    bookmark: (version, isEnd) => partialOf(bookmarkObject(definition, version, isEnd)),
  };
}

function protobufForm(definition: ResourceDefinition, isPartial: boolean): WatchForm {
  const name = `protobuf ${isPartial ? 'partial ' : ''}${apiVersionOf(definition)}`;
  const shown = (object: Readonly<KubernetesObject>): object => (isPartial ? partialOf(object) : object);
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
export function partialOf({ metadata }: Readonly<KubernetesObject>): object {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
}

function withoutHead(object: Readonly<KubernetesObject>): object {
  const { kind: _kind, apiVersion: _apiVersion, ...rest } = object;
  return rest;
}

function isObjectOf(definition: ResourceDefinition, value: unknown): value is KubernetesObject {
  return typeof value === 'object' && value !== null && (value as KubernetesObject).kind === definition.kind;
}
