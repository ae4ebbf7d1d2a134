import { isUtf8 } from 'node:buffer';
import { decode, type OptAnswer } from 'dns-packet';
import { RCODE, type Rcode } from './rcode.ts';

/** A question as a client sent it. */
export interface Query {
  readonly id: number;
  /** As it was spelled; the answer repeats it, since some clients check the case of letters. */
  readonly name: string;
  /** The name in lower case. */
  readonly key: string;
  /** `A`, `SRV`, ...; `UNKNOWN_65` for types without a name here. */
  readonly type: string;
  readonly class: string;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  /** What the client said about EDNS; undefined if it said nothing. */
  readonly edns: Edns | undefined;
}

export interface Edns {
  readonly version: number;
  readonly udpPayloadSize: number;
  readonly dnssecOk: boolean;
}

export type DecodedQuery =
  | { readonly kind: 'query'; readonly query: Query }
  /** Something that asks to be answered, but is no question. */
  | { readonly kind: 'error'; readonly id: number; readonly rcode: Rcode }
  /** Nothing that may be answered: two servers would talk to each other for ever. */
  | { readonly kind: 'noise' };

const HEADER_BYTES = 12;
/** A query has one OPT record, and perhaps a signature. */
const MOST_ADDITIONALS = 4;

/** Never throws, whatever the bytes are. */
export function decodeQuery(packet: Buffer): DecodedQuery {
  if (packet.length < HEADER_BYTES) return { kind: 'noise' };
  const id = packet.readUInt16BE(0);
  const flags = packet.readUInt16BE(2);
  if (flags & 0x8000) return { kind: 'noise' };
  if ((flags >> 11) & 0xf) return { kind: 'error', id, rcode: RCODE.NOTIMP };
  if (!isPlainQuestion(packet)) return { kind: 'error', id, rcode: RCODE.FORMERR };
  try {
    return readQuery(packet, id);
  } catch {
    // The decoder throws on what is cut off, points nowhere or is out of range.
    return { kind: 'error', id, rcode: RCODE.FORMERR };
  }
}

function readQuery(packet: Buffer, id: number): DecodedQuery {
  const decoded = decode(packet);
  const question = decoded.questions?.[0];
  if (!question) return { kind: 'error', id, rcode: RCODE.FORMERR };
  const options = (decoded.additionals ?? []).filter((record): record is OptAnswer => record.type === 'OPT');
  if (options.length > 1) return { kind: 'error', id, rcode: RCODE.FORMERR };
  const query: Query = {
    id,
    name: question.name,
    key: question.name.toLowerCase(),
    type: question.type,
    class: question.class ?? 'IN',
    recursionDesired: decoded.flag_rd,
    checkingDisabled: decoded.flag_cd,
    edns: options[0] && ednsOf(options[0]),
  };
  return { kind: 'query', query };
}

function ednsOf({ ednsVersion, udpPayloadSize, flag_do }: OptAnswer): Edns {
  return { version: ednsVersion, udpPayloadSize, dnssecOk: flag_do };
}

/**
 * One question, whose name the decoder can hold: it makes text of names, in which a dot inside of a label and bytes that are not UTF-8
 * would be lost. Counts are checked first, since the decoder makes room for as many records as a packet claims to have.
 */
function isPlainQuestion(packet: Buffer): boolean {
  const counts = [4, 6, 8, 10].map((offset) => packet.readUInt16BE(offset));
  const [questions, answers, authorities, additionals = 0] = counts;
  if (questions !== 1 || answers !== 0 || authorities !== 0 || additionals > MOST_ADDITIONALS) return false;
  let offset = HEADER_BYTES;
  for (let length = packet[offset]; length; length = packet[offset]) {
    const label = packet.subarray(offset + 1, offset + 1 + length);
    if (length > 63 || label.includes(0x2e) || !isUtf8(label)) return false;
    offset += length + 1;
  }
  return offset - HEADER_BYTES < 255;
}
