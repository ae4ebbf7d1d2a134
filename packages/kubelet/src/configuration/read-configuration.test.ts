import { describe, expect, it } from 'vitest';
import { readConfiguration } from './read-configuration.ts';

interface Case {
  readonly fields: Readonly<Record<string, unknown>>;
}

const HEAD = { apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration' };
const read = (fields: Readonly<Record<string, unknown>>) => readConfiguration({ ...HEAD, ...fields });

describe('a KubeletConfiguration', () => {
  it.each<Case & { readonly want: unknown }>([
    { fields: {}, want: {} },
    { fields: { maxPods: 10, containerLogMaxSize: '1Mi', containerLogMaxFiles: 3 }, want: 'same' },
    {
      fields: { clusterDNS: ['10.96.0.10'], clusterDomain: 'example.org' },
      want: { clusterDns: ['10.96.0.10'], clusterDomain: 'example.org' },
    },
    {
      fields: { staticPodPath: '/m', allowedUnsafeSysctls: ['net.core.*'], maxParallelImagePulls: null },
      want: { staticPodPath: '/m', allowedUnsafeSysctls: ['net.core.*'] },
    },
    {
      fields: { staticPodURL: 'http://a/pods', staticPodURLHeader: { 'X-A': ['b', 'c'] } },
      want: { staticPodUrl: 'http://a/pods', staticPodUrlHeaders: { 'X-A': ['b', 'c'] } },
    },
    { fields: { serializeImagePulls: true, maxParallelImagePulls: 5 }, want: { maxParallelImagePulls: 1 } },
    { fields: { serializeImagePulls: false, maxParallelImagePulls: 9 }, want: { maxParallelImagePulls: 9 } },
    {
      fields: {
        imageGCHighThresholdPercent: 70,
        imageGCLowThresholdPercent: 60,
        imageMinimumGCAge: '5m',
        imageMaximumGCAge: '1h30m',
      },
      want: { imageGc: { highThresholdPercent: 70, lowThresholdPercent: 60, minimumAgeSeconds: 300, maximumAgeSeconds: 5400 } },
    },
    {
      fields: {
        evictionHard: { 'memory.available': '1Gi' },
        evictionSoft: { 'nodefs.available': '20%' },
        evictionSoftGracePeriod: { 'nodefs.available': '1m30s' },
        evictionMinimumReclaim: { 'nodefs.available': '1Gi' },
        evictionMaxPodGracePeriod: 60,
        evictionPressureTransitionPeriod: '30s',
      },
      want: {
        eviction: {
          hard: { 'memory.available': '1Gi' },
          soft: { 'nodefs.available': '20%' },
          softGracePeriodSeconds: { 'nodefs.available': 90 },
          minimumReclaim: { 'nodefs.available': '1Gi' },
          maxPodGracePeriodSeconds: 60,
          pressureTransitionSeconds: 30,
        },
      },
    },
    {
      fields: { kubeReserved: { cpu: '500m', memory: '1Gi' }, systemReserved: { cpu: '1', 'ephemeral-storage': '1Gi' } },
      want: { reserved: { cpu: '1500m', memory: '1Gi', 'ephemeral-storage': '1Gi' } },
    },
    {
      fields: { shutdownGracePeriod: '30s', shutdownGracePeriodCriticalPods: '10s' },
      want: { shutdown: { graceSeconds: 30, criticalSeconds: 10 } },
    },
  ])('says $fields', ({ fields, want }) => {
    expect(read(fields)).toEqual(want === 'same' ? fields : want);
  });

  it.each<Case & { readonly why: string }>([
    { fields: { kind: 'Pod' }, why: 'it must be a KubeletConfiguration of kubelet.config.k8s.io/v1beta1, not a Pod' },
    { fields: { cpuManagerPolicy: 'static' }, why: 'field "cpuManagerPolicy" is not known to this kubelet' },
    { fields: { toString: 1 }, why: 'field "toString" is not known to this kubelet' },
    { fields: { maxPods: 'many' }, why: 'maxPods must be a whole number' },
    { fields: { clusterDNS: [1] }, why: 'clusterDNS[0] must be a string' },
    { fields: { imageMinimumGCAge: '2' }, why: 'imageMinimumGCAge: time: missing unit in duration "2"' },
    {
      fields: { imageGCLowThresholdPercent: 90 },
      why: 'imageGCLowThresholdPercent 90 must be less than imageGCHighThresholdPercent 85',
    },
    { fields: { imageGCHighThresholdPercent: 101 }, why: 'must be between 0 and 100' },
    { fields: { evictionHard: { 'cpu.available': '1' } }, why: 'unknown eviction signal cpu.available in evictionHard' },
    {
      fields: { evictionSoft: { 'memory.available': '1Gi' } },
      why: 'grace period must be specified for the soft eviction threshold memory.available',
    },
    { fields: { shutdownGracePeriodCriticalPods: '10s' }, why: 'shutdownGracePeriod must be at least' },
  ])('is refused for $fields', ({ fields, why }) => {
    expect(() => read(fields)).toThrow(why);
  });

  it.each([undefined, null, 'text', []])('is not %o', (document) => {
    expect(() => readConfiguration(document)).toThrow('invalid kubelet configuration');
  });
});
