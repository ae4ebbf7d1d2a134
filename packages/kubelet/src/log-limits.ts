import { parseQuantity } from '@keelson/api';
import { KeelsonError } from '@keelson/base';
import type { LogLimits } from '@keelson/runtime';
import type { KubeletOptions } from './options.ts';

/** As Kubernetes has them. */
export const LOG_LIMITS = { containerLogMaxSize: '10Mi', containerLogMaxFiles: 5 };

/** Pure: what a runtime is told of logs, if anything. Throws `Invalid` for what no log can be kept by. */
export function logLimitsOf(
  options: Pick<KubeletOptions, 'containerLogMaxSize' | 'containerLogMaxFiles'>,
): LogLimits | undefined {
  if (options.containerLogMaxFiles === undefined && options.containerLogMaxSize === undefined) return undefined;
  const { containerLogMaxFiles: maxFiles, containerLogMaxSize } = { ...LOG_LIMITS, ...options };
  if (!Number.isInteger(maxFiles) || maxFiles < 2)
    throw new KeelsonError('Invalid', `invalid configuration: containerLogMaxFiles ${maxFiles} must be greater than 1`);
  const maxFileBytes = Number(parseQuantity(containerLogMaxSize).value());
  if (maxFileBytes <= 0)
    throw new KeelsonError('Invalid', `invalid configuration: containerLogMaxSize ${containerLogMaxSize} must be greater than 0`);
  return { maxFileBytes, maxFiles };
}
