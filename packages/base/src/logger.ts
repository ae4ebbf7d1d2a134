/** Values that go with a log line. Keys are camelCase; keep values small and free of secrets. */
export type LogFields = Readonly<Record<string, unknown>>;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Structured logging. Never throws. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to each line. */
  child(fields: LogFields): Logger;
}

const LEVELS: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Writes one JSON object a line to `write`, for levels from `level` up; as a function, it is asked for each line. */
export function jsonLogger(
  write: (line: string) => void,
  level: LogLevel | (() => LogLevel) = 'info',
  bound: LogFields = {},
): Logger {
  const log = (at: LogLevel) => (message: string, fields?: LogFields) => {
    if (LEVELS[at] < LEVELS[typeof level === 'string' ? level : level()]) return;
    write(`${JSON.stringify({ time: new Date().toISOString(), level: at, ...bound, message, ...fields })}\n`);
  };
  return {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    child: (fields) => jsonLogger(write, level, { ...bound, ...fields }),
  };
}

/** Drops everything. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};
