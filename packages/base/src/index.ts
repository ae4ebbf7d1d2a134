export { Backoff, type BackoffOptions } from './backoff.ts';
export { BoundedQueue } from './bounded-queue.ts';
export { SystemClock, sleepOn, type Clock } from './clock.ts';
export {
  assert,
  errorMessage,
  isReason,
  KeelsonError,
  STATUS_CODES,
  type ErrorDetails,
  type KeelsonErrorOptions,
  type StatusCause,
  type StatusReason,
} from './errors.ts';
export { Lifecycle, TaskGroup, type Runnable } from './lifecycle.ts';
export { jsonLogger, silentLogger, type LogFields, type Logger, type LogLevel } from './logger.ts';
export { token, type Token } from './token.ts';
export { CLOCK, LOGGER } from './tokens.ts';
