import { libraryFunction } from './library-call.ts';
import { overload, type Overload } from './overload.ts';

/** Parts of a time, in UTC or in a zone that is named. */
const OF_TIMESTAMP = [
  'getFullYear',
  'getMonth',
  'getDayOfYear',
  'getDayOfMonth',
  'getDate',
  'getDayOfWeek',
  'getHours',
  'getMinutes',
  'getSeconds',
  'getMilliseconds',
];
const OF_DURATION = ['getHours', 'getMinutes', 'getSeconds', 'getMilliseconds'];

/** Accessors of timestamps and durations. */
export function timeFunctions(): Overload[] {
  return [
    ...OF_TIMESTAMP.flatMap((name) => [
      overload(`timestamp_${name}`, `timestamp.${name}() int`, libraryFunction(`a.${name}()`)),
      overload(`timestamp_${name}_with_tz`, `timestamp.${name}(string) int`, libraryFunction(`a.${name}(b)`)),
    ]),
    ...OF_DURATION.map((name) => overload(`duration_${name}`, `duration.${name}() int`, libraryFunction(`a.${name}()`))),
  ];
}
