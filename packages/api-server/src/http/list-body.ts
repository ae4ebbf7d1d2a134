import { apiVersionOf, stringifyJson } from '@keelson/api';
import { converterOf } from '../convert/versions.ts';
import type { ListResult } from '../response/api-result.ts';
import { glancedObject, itemsSayTheirKind } from '../response/served-object.ts';
import type { StoredObject } from '../storage/stored-object.ts';

/** Bytes in one piece of a list. */
const PIECE_BYTES = 256 * 1024;

/** Hot path: a list as its bytes, put together from the stored objects. */
export interface ListBody {
  readonly length: number;
  /** The bytes, in pieces of about 256 KiB; each is the caller's own. */
  pieces(): Generator<Buffer>;
}

export function listBody(result: ListResult): ListBody {
  const { definition, metadata, items } = result;
  const head = Buffer.from(
    `{"kind":${JSON.stringify(definition.listKind)},"apiVersion":${JSON.stringify(apiVersionOf(definition))},"metadata":${JSON.stringify(metadata)},"items":[`,
  );
  if (converterOf(definition)) return convertedBody(result, head);
  const isWhole = itemsSayTheirKind(definition);
  let length = head.length + TAIL.length + Math.max(0, items.length - 1);
  for (const item of items) length += isWhole ? item.wholeLength : item.itemLength;
  return { length, pieces: () => pieces(head, items, isWhole) };
}

function* pieces(head: Buffer, items: readonly StoredObject[], isWhole: boolean): Generator<Buffer> {
  let piece = Buffer.allocUnsafe(PIECE_BYTES);
  let at = head.copy(piece);
  for (const [index, item] of items.entries()) {
    const needed = (isWhole ? item.wholeLength : item.itemLength) + 1;
    if (at + needed > piece.length) {
      yield piece.subarray(0, at);
      piece = Buffer.allocUnsafe(Math.max(PIECE_BYTES, needed));
      at = 0;
    }
    if (index > 0) at = piece.writeUInt8(COMMA, at);
    at = isWhole ? item.writeWhole(piece, at) : item.writeItem(piece, at);
  }
  yield piece.subarray(0, at);
  yield TAIL;
}

function convertedBody({ definition, items }: ListResult, head: Buffer): ListBody {
  const parts = items.map((item) => {
    const { kind: _kind, apiVersion: _apiVersion, ...rest } = glancedObject(definition, item);
    return stringifyJson(rest);
  });
  const bytes = Buffer.concat([head, Buffer.from(parts.join(',')), TAIL]);
  return {
    length: bytes.length,
    *pieces() {
      yield bytes;
    },
  };
}

const COMMA = 0x2c;
const TAIL = Buffer.from(']}\n');
