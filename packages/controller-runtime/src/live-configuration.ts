import { deepEqual } from '@keelson/api';
import { errorMessage, type Clock, type Logger, type LogLevel } from '@keelson/base';
import { readOperatorConfiguration, type OperatorConfiguration } from './operator-config.ts';

/** Files of ConfigMaps change by links that are exchanged, of which the system tells nobody reliably: so they are looked at. */
const PERIOD_MS = 10_000;

/** A configuration that is read anew while the operator runs. A file that has become invalid changes nothing. */
export class LiveConfiguration {
  readonly #file: string | undefined;
  readonly #first: OperatorConfiguration;
  #level: LogLevel;
  #reading: Promise<void> | undefined;
  #timer: Disposable | undefined;
  #last: OperatorConfiguration;

  private constructor(file: string | undefined, first: OperatorConfiguration, level: LogLevel) {
    this.#file = file;
    this.#first = first;
    this.#last = first;
    this.#level = first.logLevel ?? level;
  }

  /** Empty without a file. `level`: if the file says none. */
  static async open(file: string | undefined, level: LogLevel): Promise<LiveConfiguration> {
    return new LiveConfiguration(file, file === undefined ? {} : await readOperatorConfiguration(file), level);
  }

  /** As it was at the start. */
  get values(): OperatorConfiguration {
    return this.#first;
  }

  get logLevel(): LogLevel {
    return this.#level;
  }

  setLogLevel(level: LogLevel): void {
    this.#level = level;
  }

  start(clock: Clock, logger: Logger): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#timer = clock.every(PERIOD_MS, () => {
      this.#reading ??= this.#read(file, logger).finally(() => (this.#reading = undefined));
    });
  }

  async stop(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    await this.#reading;
  }

  /** Never rejects. */
  async #read(file: string, logger: Logger): Promise<void> {
    try {
      const next = await readOperatorConfiguration(file);
      if (deepEqual(next, this.#last)) return;
      const { logLevel = this.#level, ...others } = next;
      const { logLevel: _level, ...known } = this.#last;
      this.#last = next;
      this.#level = logLevel;
      const isWhole = deepEqual(others, known);
      logger.info(isWhole ? 'configuration changed' : 'configuration changed; all but the log level waits for a restart', {
        logLevel,
      });
    } catch (error) {
      logger.warn('configuration is not taken over', { error: errorMessage(error) });
    }
  }
}
