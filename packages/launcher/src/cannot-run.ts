import { constants } from 'node:os';
import { KeelsonError } from '@keelson/base';

/** Of a program that could not be begun, by the kernel's number for it. */
export function cannotRun(file: string, errno: number): KeelsonError {
  if (errno === constants.errno.ENOENT) return new KeelsonError('NotFound', `there is no program "${file}"`);
  const [name = `error ${errno}`] = Object.entries(constants.errno).find(([, number]) => number === errno) ?? [];
  return new KeelsonError('InternalError', `Cannot run "${file}": ${name}`);
}
