import { parseGoDuration, parseQuantity, Quantity } from '@keelson/api';
import { errorMessage, KeelsonError } from '@keelson/base';
import { SIGNALS, type EvictionOptions, type SignalAmounts } from '../eviction/thresholds.ts';
import type { ImageGcOptions } from '../images/image-gc.ts';
import type { KubeletOptions } from '../options.ts';

/** What a `KubeletConfiguration` may say: what is for the machine or the cluster to decide is not in it. */
export type ConfiguredOptions = Pick<
  KubeletOptions,
  | 'allowedUnsafeSysctls'
  | 'clusterDns'
  | 'clusterDomain'
  | 'containerLogMaxFiles'
  | 'containerLogMaxSize'
  | 'eviction'
  | 'imageGc'
  | 'maxParallelImagePulls'
  | 'maxPods'
  | 'reserved'
  | 'shutdown'
  | 'staticPodPath'
  | 'staticPodUrl'
  | 'staticPodUrlHeaders'
>;

type Read = (value: unknown, field: string) => unknown;

/** Each field that counts, and what its value must be. */
const FIELDS: Readonly<Record<string, Read>> = {
  allowedUnsafeSysctls: texts,
  clusterDNS: texts,
  clusterDomain: string,
  containerLogMaxFiles: whole,
  containerLogMaxSize: string,
  evictionHard: amounts,
  evictionMaxPodGracePeriod: whole,
  evictionMinimumReclaim: amounts,
  evictionPressureTransitionPeriod: seconds,
  evictionSoft: amounts,
  evictionSoftGracePeriod: (value, field) => ofSignals(mapped(value, field, seconds), field),
  imageGCHighThresholdPercent: whole,
  imageGCLowThresholdPercent: whole,
  imageMaximumGCAge: seconds,
  imageMinimumGCAge: seconds,
  kubeReserved: (value, field) => mapped(value, field, string),
  maxParallelImagePulls: whole,
  maxPods: whole,
  serializeImagePulls: boolean,
  shutdownGracePeriod: seconds,
  shutdownGracePeriodCriticalPods: seconds,
  staticPodPath: string,
  staticPodURL: string,
  staticPodURLHeader: (value, field) => mapped(value, field, texts),
  systemReserved: (value, field) => mapped(value, field, string),
};

/** Those of all fields whose values were read, by their types in `FIELDS`. */
interface Values {
  readonly allowedUnsafeSysctls?: readonly string[];
  readonly clusterDNS?: readonly string[];
  readonly clusterDomain?: string;
  readonly containerLogMaxFiles?: number;
  readonly containerLogMaxSize?: string;
  readonly evictionHard?: SignalAmounts;
  readonly evictionMaxPodGracePeriod?: number;
  readonly evictionMinimumReclaim?: SignalAmounts;
  readonly evictionPressureTransitionPeriod?: number;
  readonly evictionSoft?: SignalAmounts;
  readonly evictionSoftGracePeriod?: NonNullable<EvictionOptions['softGracePeriodSeconds']>;
  readonly imageGCHighThresholdPercent?: number;
  readonly imageGCLowThresholdPercent?: number;
  readonly imageMaximumGCAge?: number;
  readonly imageMinimumGCAge?: number;
  readonly kubeReserved?: Readonly<Record<string, string>>;
  readonly maxParallelImagePulls?: number;
  readonly maxPods?: number;
  readonly serializeImagePulls?: boolean;
  readonly shutdownGracePeriod?: number;
  readonly shutdownGracePeriodCriticalPods?: number;
  readonly staticPodPath?: string;
  readonly staticPodURL?: string;
  readonly staticPodURLHeader?: Readonly<Record<string, readonly string[]>>;
  readonly systemReserved?: Readonly<Record<string, string>>;
}

/**
 * Pure: the options that a `KubeletConfiguration` (`kubelet.config.k8s.io/v1beta1`) stands for. Throws `Invalid` for a field that this kubelet does
 * not know, rather than leave it out of account, and for values that are none.
 */
export function readConfiguration(document: unknown): ConfiguredOptions {
  const { apiVersion, kind, ...fields } = record(document, 'configuration');
  if (apiVersion !== 'kubelet.config.k8s.io/v1beta1' || kind !== 'KubeletConfiguration')
    throw invalid(`it must be a KubeletConfiguration of kubelet.config.k8s.io/v1beta1, not a ${kind} of ${apiVersion}`);
  const values = Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([field, value]) => {
        const read = Object.hasOwn(FIELDS, field) ? FIELDS[field] : undefined;
        if (!read) throw invalid(`field "${field}" is not known to this kubelet`);
        return [field, read(value, field)];
      }),
  );
  // Each value is what the table makes of it.
  return optionsOf(values as Values);
}

function optionsOf(values: Values): ConfiguredOptions {
  const { allowedUnsafeSysctls, clusterDNS, clusterDomain, containerLogMaxFiles, containerLogMaxSize } = values;
  const { maxPods, serializeImagePulls, staticPodPath, staticPodURL, staticPodURLHeader } = values;
  const maxParallelImagePulls = serializeImagePulls ? 1 : values.maxParallelImagePulls;
  const [eviction, imageGc, reserved, shutdown] = [evictionOf(values), imageGcOf(values), reservedOf(values), shutdownOf(values)];
  return {
    ...(allowedUnsafeSysctls && { allowedUnsafeSysctls }),
    ...(clusterDNS && { clusterDns: clusterDNS }),
    ...(clusterDomain !== undefined && { clusterDomain }),
    ...(containerLogMaxFiles !== undefined && { containerLogMaxFiles }),
    ...(containerLogMaxSize !== undefined && { containerLogMaxSize }),
    ...(eviction && { eviction }),
    ...(imageGc && { imageGc }),
    ...(maxParallelImagePulls !== undefined && { maxParallelImagePulls }),
    ...(maxPods !== undefined && { maxPods }),
    ...(reserved && { reserved }),
    ...(shutdown && { shutdown }),
    ...(staticPodPath !== undefined && { staticPodPath }),
    ...(staticPodURL !== undefined && { staticPodUrl: staticPodURL }),
    ...(staticPodURLHeader && { staticPodUrlHeaders: staticPodURLHeader }),
  };
}

function evictionOf(values: Values): EvictionOptions | undefined {
  const { evictionHard: hard, evictionSoft: soft, evictionMinimumReclaim: minimumReclaim } = values;
  const { evictionSoftGracePeriod: softGracePeriodSeconds, evictionMaxPodGracePeriod: maxPodGracePeriodSeconds } = values;
  const pressureTransitionSeconds = values.evictionPressureTransitionPeriod;
  const missing = Object.keys(soft ?? {}).find((signal) => !(signal in (softGracePeriodSeconds ?? {})));
  if (missing !== undefined) throw invalid(`grace period must be specified for the soft eviction threshold ${missing}`);
  const options = {
    ...(hard && { hard }),
    ...(soft && { soft }),
    ...(softGracePeriodSeconds && { softGracePeriodSeconds }),
    ...(minimumReclaim && { minimumReclaim }),
    ...(maxPodGracePeriodSeconds !== undefined && { maxPodGracePeriodSeconds }),
    ...(pressureTransitionSeconds !== undefined && { pressureTransitionSeconds }),
  };
  return Object.keys(options).length > 0 ? options : undefined;
}

function imageGcOf(values: Values): ImageGcOptions | undefined {
  const { imageGCHighThresholdPercent: highThresholdPercent, imageGCLowThresholdPercent: lowThresholdPercent } = values;
  const { imageMaximumGCAge: maximumAgeSeconds, imageMinimumGCAge: minimumAgeSeconds } = values;
  const [high, low] = [highThresholdPercent ?? 85, lowThresholdPercent ?? 80];
  if (high > 100 || low > 100)
    throw invalid('imageGCHighThresholdPercent and imageGCLowThresholdPercent must be between 0 and 100');
  if (low >= high) throw invalid(`imageGCLowThresholdPercent ${low} must be less than imageGCHighThresholdPercent ${high}`);
  const options = {
    ...(highThresholdPercent !== undefined && { highThresholdPercent }),
    ...(lowThresholdPercent !== undefined && { lowThresholdPercent }),
    ...(maximumAgeSeconds !== undefined && { maximumAgeSeconds }),
    ...(minimumAgeSeconds !== undefined && { minimumAgeSeconds }),
  };
  return Object.keys(options).length > 0 ? options : undefined;
}

function reservedOf({ kubeReserved, systemReserved }: Values): Readonly<Record<string, string>> | undefined {
  if (!kubeReserved && !systemReserved) return undefined;
  const sums = new Map<string, Quantity>();
  for (const [name, amount] of [...Object.entries(kubeReserved ?? {}), ...Object.entries(systemReserved ?? {})])
    sums.set(name, (sums.get(name) ?? Quantity.ZERO).add(parseQuantity(amount)));
  return Object.fromEntries([...sums].map(([name, sum]) => [name, String(sum)]));
}

function shutdownOf({ shutdownGracePeriod = 0, shutdownGracePeriodCriticalPods = 0 }: Values): KubeletOptions['shutdown'] {
  if (shutdownGracePeriodCriticalPods > shutdownGracePeriod)
    throw invalid('shutdownGracePeriod must be at least shutdownGracePeriodCriticalPods');
  if (shutdownGracePeriod === 0) return undefined;
  return { graceSeconds: shutdownGracePeriod, criticalSeconds: shutdownGracePeriodCriticalPods };
}

function invalid(why: string): KeelsonError {
  return new KeelsonError('Invalid', `invalid kubelet configuration: ${why}`);
}

function record(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(`${field} must be an object`);
  return { ...value };
}

function mapped<T>(value: unknown, field: string, read: (value: unknown, field: string) => T): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(record(value, field)).map(([key, each]) => [key, read(each, `${field}.${key}`)]));
}

function amounts(value: unknown, field: string): SignalAmounts {
  return ofSignals(mapped(value, field, string), field);
}

function ofSignals<T>(values: Readonly<Record<string, T>>, field: string): Readonly<Record<string, T>> {
  const unknown = Object.keys(values).find((signal) => !(SIGNALS as readonly string[]).includes(signal));
  if (unknown !== undefined) throw invalid(`unknown eviction signal ${unknown} in ${field}`);
  return values;
}

function string(value: unknown, field: string): string {
  if (typeof value !== 'string') throw invalid(`${field} must be a string`);
  return value;
}

function texts(value: unknown, field: string): readonly string[] {
  if (!Array.isArray(value)) throw invalid(`${field} must be a list`);
  return value.map((each, at) => string(each, `${field}[${at}]`));
}

function whole(value: unknown, field: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
    throw invalid(`${field} must be a whole number, not negative`);
  return value;
}

function boolean(value: unknown, field: string): boolean {
  if (typeof value !== 'boolean') throw invalid(`${field} must be true or false`);
  return value;
}

function seconds(value: unknown, field: string): number {
  try {
    return parseGoDuration(string(value, field)) / 1000;
  } catch (error) {
    throw invalid(`${field}: ${errorMessage(error)}`);
  }
}
