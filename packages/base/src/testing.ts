export { eventually, type EventuallyOptions } from './eventually.ts';
export { ManualClock } from './manual-clock.ts';
