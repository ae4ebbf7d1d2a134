import { eventually } from '@keelson/base/testing';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigMap, Secret } from '@keelson/api/core/v1';
import { silentLogger, type LogFields, type Logger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { createClient } from '@keelson/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FeatureGates } from './feature-gates.ts';
import { LiveConfiguration } from './live-configuration.ts';
import { parseOperatorConfiguration, readOperatorConfiguration } from './operator-config.ts';
import { createOperator, type Operator } from './run-operator.ts';
import { MemoryApi } from './testing/memory-api.ts';

const HEAD = 'apiVersion: operator.keelson.dev/v1alpha1\nkind: OperatorConfiguration\n';

describe('parseOperatorConfiguration', () => {
  it('takes what an operator may be told', () => {
    const told = `${HEAD}logLevel: debug\nnamespaces: [a, b]\nleaderElection: {namespace: ops}\nstatusPort: 8080\ncontrollers: {things: {concurrency: 3}}\n`;

    expect(parseOperatorConfiguration(told)).toEqual({
      logLevel: 'debug',
      namespaces: ['a', 'b'],
      leaderElection: { namespace: 'ops' },
      statusPort: 8080,
      controllers: { things: { concurrency: 3 } },
    });
  });

  it.each([
    ['logLevel: loud', 'logLevel: must be one of debug, info, warn, error'],
    ['namespaces: []', 'namespaces: must be a list of at least one namespace'],
    ['namespaces: [A]', 'namespaces: "A" is no name of a namespace'],
    ['statusPort: 70000', 'statusPort: must be a port'],
    ['leaderElection: {name: x}', 'leaderElection: name: is not known'],
    [
      'controllers: {things: {concurrency: 0, speed: 1}}',
      'things: concurrency: must be a whole number above 0; speed: is not known',
    ],
    ['featureGates: {New: perhaps}', 'featureGates: New: must be true or false'],
    ['logLevels: info', 'logLevels: is not known'],
  ])('refuses %s, and says why', (line, message) => {
    expect(() => parseOperatorConfiguration(HEAD + line)).toThrow(message);
  });

  it('refuses what is of another kind, is of none, or is no YAML', () => {
    expect(() => parseOperatorConfiguration('kind: Pod\napiVersion: v1')).toThrow(/kind: must be .*; apiVersion: must be/);
    expect(() => parseOperatorConfiguration('{}')).toThrow('apiVersion: is required; kind: is required');
    expect(() => parseOperatorConfiguration('')).toThrow('must be an object');
    expect(() => parseOperatorConfiguration('a: [')).toThrow('is no YAML');
  });

  it('says which file is wrong, or is not there', async () => {
    await expect(readOperatorConfiguration('/no/such/file')).rejects.toMatchObject({ reason: 'NotFound' });
  });
});

describe('FeatureGates', () => {
  const known = { Fast: { default: true }, Loose: { default: false } };

  it('are as they are by default, or as they are switched', () => {
    const gates = new FeatureGates(known, { Loose: true });

    expect([gates.enabled('Fast'), gates.enabled('Loose'), new FeatureGates(known).enabled('Loose')]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('refuse a feature that there is not', () => {
    expect(() => new FeatureGates(known, { Lose: true })).toThrow('There is no feature "Lose"; there are: Fast, Loose');
  });
});

describe('an operator with a configuration', () => {
  let directory: string;
  let file: string;
  const clock = new ManualClock();

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keelson-operator-'));
    file = join(directory, 'config.yaml');
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('works where, and with what, it is told', async () => {
    await writeFile(file, `${HEAD}namespaces: [a]\ncontrollers: {off: {enabled: false}}\nfeatureGates: {Loose: true}\n`);
    const client = createClient(new MemoryApi());
    const seen: string[] = [];
    let told: Operator | undefined;
    const operator = await createOperator({
      name: 'test',
      client,
      clock,
      logger: silentLogger,
      configFile: file,
      features: { Loose: { default: false } },
      setUp: (given) => {
        told = given;
        given.control({ for: ConfigMap, reconcile: async ({ metadata }) => void seen.push(`${metadata?.namespace}`) });
        given.control({ name: 'off', for: Secret, reconcile: async () => void seen.push('off') });
      },
    });
    for (const namespace of ['a', 'b']) await client.resource(ConfigMap).create({ metadata: { name: 'x', namespace } });
    await client.resource(Secret).create({ metadata: { name: 'x', namespace: 'a' } });
    await operator.start(new AbortController().signal);
    await clock.advance(0);
    await operator.stop();

    expect([seen, told?.features.enabled('Loose')]).toEqual([['a'], true]);
  });

  it('takes over another log level while it runs, and nothing from a file that has become invalid', async () => {
    await writeFile(file, `${HEAD}logLevel: warn\n`);
    const lines: string[] = [];
    const note = (message: string, fields: LogFields = {}): void => void lines.push(`${message} ${fields['error'] ?? ''}`);
    const logger: Logger = { ...silentLogger, info: note, warn: note };
    const live = await LiveConfiguration.open(file, 'info');
    live.start(clock, logger);
    const look = async (text: string, until: () => boolean): Promise<void> => {
      await writeFile(file, HEAD + text);
      await clock.advance(10_000);
      await eventually(until);
    };

    expect(live.logLevel).toBe('warn');
    await look('logLevel: debug\n', () => live.logLevel === 'debug');
    await look('logLevel: loud\n', () => lines.some((line) => line.includes('must be one of')));
    expect(live.logLevel).toBe('debug');
    await look('logLevel: error\nstatusPort: 1\n', () => live.logLevel === 'error');
    await live.stop();

    expect(lines.at(-1)).toContain('waits for a restart');
  });
});
