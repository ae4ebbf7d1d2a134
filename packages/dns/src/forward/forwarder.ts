import { CHECKING_DISABLED, decode, DNSSEC_OK, encode, RECURSION_DESIRED, type OptAnswer, type RecordType } from 'dns-packet';
import type { Clock } from '@keelson/base';
import type { Query } from '../wire/query.ts';
import { RCODE } from '../wire/rcode.ts';
import { failure, type Resolution } from '../wire/response.ts';
import { AnswerCache, type AnswerCacheOptions } from './answer-cache.ts';
import { askOverTcp, askOverUdp, randomId, type Attempt, type Upstream } from './upstream.ts';

export interface ForwarderOptions extends AnswerCacheOptions {
  readonly upstreams: readonly Upstream[];
  /** For one attempt. */
  readonly timeoutMs: number;
  /** Questions that upstreams are asked at the same time; more are answered with SERVFAIL. */
  readonly maxInFlight: number;
}

/** What a question to an upstream is about. */
export type ForwardedQuestion = Pick<Query, 'name' | 'key' | 'type' | 'edns' | 'checkingDisabled'>;

const UDP_PAYLOAD_SIZE = 1_232;
/** An upstream, and the next one (the same, if there is one only) if that does not help. */
const ATTEMPTS = 2;

/**
 * Asks other resolvers, in turn, and remembers what they say. Each question is asked once at a time, however many clients want to know:
 * so a loop through other servers comes to a stand at its first round. One that comes straight back is seen by `isOwn`.
 */
export class Forwarder {
  readonly cache: AnswerCache;
  readonly #clock: Clock;
  readonly #options: ForwarderOptions;
  readonly #abort = new AbortController();
  readonly #inFlight = new Map<string, Promise<Resolution>>();
  readonly #asked = new Set<string>();
  #next = 0;

  constructor(clock: Clock, options: ForwarderOptions) {
    this.#clock = clock;
    this.#options = options;
    this.cache = new AnswerCache(clock, options);
  }

  /** Never rejects: SERVFAIL if nobody could say. */
  resolve(question: ForwardedQuestion): Resolution | Promise<Resolution> {
    const key = `${question.type} ${question.edns?.dnssecOk ? 'do' : ''} ${question.checkingDisabled ? 'cd' : ''} ${question.key}`;
    const cached = this.cache.get(key);
    if (cached) return cached;
    const running = this.#inFlight.get(key);
    if (running) return running;
    if (this.#inFlight.size >= this.#options.maxInFlight || this.#abort.signal.aborted) return failure(RCODE.SERVFAIL);
    const asking = this.#ask(question).then((resolution) => {
      this.#inFlight.delete(key);
      this.cache.set(key, resolution);
      return resolution;
    });
    this.#inFlight.set(key, asking);
    return asking;
  }

  /** Whether a question is one of our own, come back. */
  isOwn({ id, type, key }: Query): boolean {
    return this.#asked.has(askedKey(id, type, key));
  }

  /** What is being asked is answered with SERVFAIL. */
  async stop(): Promise<void> {
    this.#abort.abort(new Error('stopped'));
    await Promise.all(this.#inFlight.values());
  }

  async #ask(question: ForwardedQuestion): Promise<Resolution> {
    const { upstreams } = this.#options;
    const first = this.#next++;
    let last = failure(RCODE.SERVFAIL);
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const upstream = upstreams[(first + attempt) % upstreams.length];
      if (!upstream || this.#abort.signal.aborted) return last;
      try {
        last = await this.#attempt(upstream, question);
        if (last.rcode === RCODE.NOERROR || last.rcode === RCODE.NXDOMAIN) return last;
      } catch {
        // No answer, or none that can be read: the next one may know.
      }
    }
    return last;
  }

  async #attempt(upstream: Upstream, question: ForwardedQuestion): Promise<Resolution> {
    const id = randomId();
    const asked = askedKey(id, question.type, question.key);
    const accepts = (response: Buffer): boolean => isAnswerTo(response, id, question);
    const attempt: Attempt = { upstream, packet: encodeQuestion(id, question), accepts, timeoutMs: this.#options.timeoutMs };
    this.#asked.add(asked);
    try {
      const response = await askOverUdp(attempt, this.#clock, this.#abort.signal);
      return resolutionOf(isTruncated(response) ? await askOverTcp(attempt, this.#clock, this.#abort.signal) : response);
    } finally {
      this.#asked.delete(asked);
    }
  }
}

function askedKey(id: number, type: string, key: string): string {
  return `${id} ${type} ${key}`;
}

function encodeQuestion(id: number, { name, type, edns, checkingDisabled }: ForwardedQuestion): Buffer {
  const isSecure = edns?.dnssecOk ?? false;
  const opt: OptAnswer = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: UDP_PAYLOAD_SIZE,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: isSecure ? DNSSEC_OK : 0,
    flag_do: isSecure,
    options: [],
  };
  const flags = RECURSION_DESIRED | (checkingDisabled ? CHECKING_DISABLED : 0);
  return encode({ type: 'query', id, flags, questions: [{ name, type: type as RecordType }], additionals: [opt] });
}

function isAnswerTo(response: Buffer, id: number, { key, type }: ForwardedQuestion): boolean {
  if (response.length < 12 || response.readUInt16BE(0) !== id || !(response.readUInt16BE(2) & 0x8000)) return false;
  try {
    const [question] = decode(response).questions ?? [];
    return question?.name.toLowerCase() === key && question.type === type;
  } catch {
    return false;
  }
}

function isTruncated(response: Buffer): boolean {
  return (response.readUInt16BE(2) & 0x0200) !== 0;
}

function resolutionOf(response: Buffer): Resolution {
  const { answers = [], authorities = [], additionals = [] } = decode(response);
  return {
    rcode: response.readUInt16BE(2) & 0xf,
    authoritative: false,
    answers,
    authorities,
    // What an OPT record says is between two servers.
    additionals: additionals.filter((record) => record.type !== 'OPT'),
  };
}
