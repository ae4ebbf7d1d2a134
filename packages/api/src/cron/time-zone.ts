const WEEK_MS = 7 * 86_400_000;
const MINUTE_MS = 60_000;

/** What is known of a time zone: how far its clocks are ahead of UTC, and when that changes. */
export class TimeZone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat | undefined;

  private constructor(name: string) {
    this.name = name;
    this.#format =
      name === 'UTC'
        ? undefined
        : new Intl.DateTimeFormat('en-US', {
            timeZone: name,
            hourCycle: 'h23',
            year: 'numeric',
            month: 'numeric',
            day: 'numeric',
            hour: 'numeric',
            minute: 'numeric',
            second: 'numeric',
          });
  }

  /** By its IANA name, such as `Europe/Paris`; `undefined` if there is none of that name. */
  static find(name: string): TimeZone | undefined {
    try {
      return new TimeZone(name);
    } catch {
      return undefined;
    }
  }

  /** The one of this process. */
  static local(): TimeZone {
    return new TimeZone(new Intl.DateTimeFormat('en').resolvedOptions().timeZone);
  }

  /** How much clocks show more than UTC. */
  offsetMs(instantMs: number): number {
    if (!this.#format) return 0;
    const parts = new Map(this.#format.formatToParts(instantMs).map(({ type, value }) => [type, Number(value)]));
    const [year = 0, month = 1, day = 1] = [parts.get('year'), parts.get('month'), parts.get('day')];
    const [hour = 0, minute = 0, second = 0] = [parts.get('hour'), parts.get('minute'), parts.get('second')];
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instantMs / 1000) * 1000;
  }

  /** Until when the offset stays what it is at `fromMs`: the next change, to the minute; or a week later if it does not change before. */
  steadyUntilMs(fromMs: number): number {
    if (!this.#format) return fromMs + WEEK_MS;
    const offsetMs = this.offsetMs(fromMs);
    let [before, after] = [0, WEEK_MS / MINUTE_MS];
    const isChanged = (minutes: number): boolean => this.offsetMs(fromMs + minutes * MINUTE_MS) !== offsetMs;
    if (!isChanged(after)) return fromMs + WEEK_MS;
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (isChanged(middle)) after = middle;
      else before = middle;
    }
    return fromMs + after * MINUTE_MS;
  }
}
