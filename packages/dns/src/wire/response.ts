import {
  AUTHORITATIVE_ANSWER,
  CHECKING_DISABLED,
  DNSSEC_OK,
  encode,
  encodingLength,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
  type Answer,
  type OptAnswer,
  type Packet,
  type RecordClass,
  type RecordType,
} from 'dns-packet';
import type { Query } from './query.ts';
import { RCODE, type Rcode } from './rcode.ts';

/** What there is to say to a question. */
export interface Resolution {
  readonly rcode: Rcode;
  /** Out of our own zone. */
  readonly authoritative: boolean;
  readonly answers: readonly Answer[];
  readonly authorities: readonly Answer[];
  readonly additionals: readonly Answer[];
}

export interface ResponseLimits {
  /** The whole packet, at most. What does not fit is left out; `TC` says so if it was an answer. */
  readonly sizeBytes: number;
  /** What is said to clients about the packets that we take. */
  readonly udpPayloadSize: number;
  readonly recursionAvailable: boolean;
}

const HEADER_BYTES = 12;

/** A resolution of nothing but a code. */
export function failure(rcode: Rcode): Resolution {
  return { rcode, authoritative: false, answers: [], authorities: [], additionals: [] };
}

/** Hot path: one packet for one answer. */
export function encodeResponse(query: Query, resolution: Resolution, limits: ResponseLimits): Buffer {
  const { answers, authorities } = resolution;
  const opt = query.edns ? [optOf(query.edns.dnssecOk, resolution.rcode, limits)] : [];
  const packet: Packet = {
    type: 'response',
    id: query.id,
    flags: flagsOf(query, resolution, limits),
    questions: [{ name: query.name, type: query.type as RecordType, class: query.class as RecordClass }],
    answers: answers as Answer[],
    authorities: authorities as Answer[],
    additionals: [...resolution.additionals, ...opt],
  };
  return encode(encodingLength(packet) <= limits.sizeBytes ? packet : cut(packet, opt, limits.sizeBytes));
}

/** The answer to what could not be read: a header without a question. */
export function encodeError(id: number, rcode: Rcode): Buffer {
  return encode({ type: 'response', id, flags: rcode & 0xf });
}

/** First without extras. Then with as many answers as fit: clients that never ask again over TCP make do with them. */
function cut(packet: Packet, opt: readonly OptAnswer[], sizeBytes: number): Packet {
  const bare = { ...packet, additionals: [...opt] };
  if (encodingLength(bare) <= sizeBytes) return bare;
  const flags = (packet.flags ?? 0) | TRUNCATED_RESPONSE;
  let left = sizeBytes - encodingLength({ ...bare, answers: [], authorities: [] });
  const answers = (packet.answers ?? []).filter((answer) => {
    left = Math.max(-1, left < 0 ? left : left - encodingLength({ answers: [answer] }) + HEADER_BYTES);
    return left >= 0;
  });
  return { ...bare, flags, answers, authorities: [] };
}

function flagsOf(query: Query, { rcode, authoritative }: Resolution, { recursionAvailable }: ResponseLimits): number {
  return (
    (rcode & 0xf) |
    (authoritative ? AUTHORITATIVE_ANSWER : 0) |
    (query.recursionDesired ? RECURSION_DESIRED : 0) |
    (query.checkingDisabled ? CHECKING_DISABLED : 0) |
    (recursionAvailable ? RECURSION_AVAILABLE : 0)
  );
}

function optOf(dnssecOk: boolean, rcode: Rcode, { udpPayloadSize }: ResponseLimits): OptAnswer {
  return {
    type: 'OPT',
    name: '.',
    udpPayloadSize,
    extendedRcode: rcode === RCODE.BADVERS ? 1 : 0,
    ednsVersion: 0,
    flags: dnssecOk ? DNSSEC_OK : 0,
    flag_do: dnssecOk,
    options: [],
  };
}
