/** What is known of a request once it is over. */
export interface AccessEntry {
  /** ISO 8601, when it came. */
  readonly time: string;
  readonly remoteAddress: string;
  readonly method: string;
  readonly host: string;
  readonly target: string;
  readonly protocol: string;
  /** 499 if the client left before there was an answer. */
  readonly status: number;
  readonly durationMs: number;
  /** `NAMESPACE/NAME`. */
  readonly ingress?: string;
  /** `NAMESPACE/SERVICE:PORT`. */
  readonly backend?: string;
  /** `ADDRESS:PORT` of who answered. */
  readonly endpoint?: string;
  /** Endpoints that could not be reached before. */
  readonly retries: number;
  /** Why there was no answer of a backend, or not the whole one. */
  readonly error?: string;
}

/** Who left before there was an answer: nginx' number, since HTTP has none. */
export const CLIENT_CLOSED = 499;
