import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CustomResourceDefinition } from '@keelson/api/apiextensions/v1';
import { ConfigMap, Secret } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { validating } from '../webhooks/admission.ts';
import { helmChart } from './helm-chart.ts';
import { kustomizeBase } from './kustomize-base.ts';
import { olmBundle } from './olm-bundle.ts';
import { installManifests, type OperatorPackage } from './operator-package.ts';
import { packOperator } from './package-command.ts';

const definition: CustomResourceDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'keys.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { kind: 'Key', plural: 'keys' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', description: 'Such as {{ this }}.' } },
      },
    ],
  },
};
const operator: OperatorPackage = {
  name: 'keys',
  version: '1.2.3',
  image: 'example.com/keys',
  definitions: [definition],
  controllers: [{ for: ConfigMap, owns: [Secret] }],
  leaderElection: true,
};
const withWebhooks: OperatorPackage = { ...operator, admission: [validating(ConfigMap, () => undefined)] };

// The parts that are looked at.
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules: readonly object[];
  readonly spec: {
    readonly template: {
      readonly spec: { readonly containers: readonly { readonly args: readonly string[]; readonly image: string }[] };
    };
  };
}
const kindsOf = (objects: readonly { readonly kind?: string | undefined }[]): readonly (string | undefined)[] =>
  objects.map(({ kind }) => kind);
const plain = (objects: unknown): readonly Manifest[] => objects as readonly Manifest[];
const documents = (text = ''): readonly Manifest[] => parseAllDocuments(text).map((each) => each.toJS() as Manifest);

describe('an operator as manifests', () => {
  it('is its definitions, rights and Deployment, in an order in which they can be applied', () => {
    expect(kindsOf(installManifests(operator, 'ops'))).toEqual([
      'CustomResourceDefinition',
      'ServiceAccount',
      'ClusterRole',
      'ClusterRoleBinding',
      'Deployment',
    ]);
  });

  it('has a Service in front of its webhooks, and tells it of that', () => {
    const objects = installManifests(withWebhooks, 'ops');
    const deployment = plain(objects).find(({ kind }) => kind === 'Deployment');

    expect(kindsOf(objects)).toContain('Service');
    expect(kindsOf(objects)).toContain('ValidatingWebhookConfiguration');
    expect(deployment?.spec.template.spec.containers[0]?.args).toEqual([
      '--leader-elect',
      '--namespace=$(POD_NAMESPACE)',
      '--webhook-service=keys',
    ]);
  });
});

describe('helmChart', () => {
  const chart = helmChart(operator);

  it('leaves to values and the release what differs from cluster to cluster', () => {
    const text = chart.get('templates/operator.yaml') ?? '';

    expect(text).toContain('replicas: {{ .Values.replicas }}\n');
    expect(text).toContain('image: {{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}\n');
    expect(text).toContain('namespace: {{ .Release.Namespace | quote }}\n');
    expect(parse(chart.get('values.yaml') ?? '')).toMatchObject({ image: { repository: 'example.com/keys' }, replicas: 1 });
    expect(parse(chart.get('Chart.yaml') ?? '')).toMatchObject({
      apiVersion: 'v2',
      name: 'keys',
      version: '1.2.3',
      appVersion: '1.2.3',
    });
  });

  it('keeps definitions when the release goes, and what looks like a template in them as text', () => {
    const text = chart.get('templates/definitions.yaml') ?? '';

    expect(text).toContain('helm.sh/resource-policy: keep');
    expect(text).toContain('Such as {{ "{{" }} this }}.');
  });
});

it('kustomizeBase names all its files, and leaves the image to overlays', () => {
  const base = kustomizeBase(withWebhooks);
  const { resources, images } = parse(base.get('kustomization.yaml') ?? '') as { resources: string[]; images: object[] };
  const [deployment] = documents(base.get('deployment.yaml'));

  expect([...base.keys()].toSorted()).toEqual(['kustomization.yaml', ...resources].toSorted());
  expect(images).toEqual([{ name: 'keys', newName: 'example.com/keys', newTag: '1.2.3' }]);
  expect(deployment?.spec.template.spec.containers[0]?.image).toBe('keys');
});

it('olmBundle gives the rights that the other ways give', () => {
  const files = olmBundle(withWebhooks);
  const version = parse(files.get('manifests/keys.clusterserviceversion.yaml') ?? '') as {
    readonly metadata: { readonly name: string };
    readonly spec: {
      readonly install: { readonly spec: { readonly clusterPermissions: readonly [{ readonly rules: object[] }] } };
    };
  };
  const role = plain(installManifests(withWebhooks, 'ops')).find(({ kind }) => kind === 'ClusterRole');

  expect(version.metadata.name).toBe('keys.v1.2.3');
  expect(version.spec.install.spec.clusterPermissions[0].rules).toEqual(role?.rules);
  expect(files.get('bundle.Dockerfile')).toContain('LABEL operators.operatorframework.io.bundle.package.v1=keys\n');
  expect(files.has('manifests/keys.example.com.yaml')).toBe(true);
});

describe('packOperator', () => {
  it('prints what an operator needs while it runs elsewhere, or all of it', async () => {
    const without = documents(await packOperator(operator, ['--namespace', 'ops']));
    const all = documents(await packOperator(operator, ['all', '--namespace', 'ops']));

    expect(kindsOf(without)).not.toContain('Deployment');
    expect(all.find(({ kind }) => kind === 'Deployment')?.metadata.namespace).toBe('ops');
  });

  it('writes packages', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'packages-'));
    try {
      const written = await packOperator(operator, ['helm', directory]);

      expect(written.split('\n')).toContain(join(directory, 'templates/operator.yaml'));
      expect(await readFile(join(directory, 'Chart.yaml'), 'utf8')).toContain('name: keys');
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it.each([['helm'], ['rpm', 'directory'], ['all', 'directory']])('refuses %s %s', async (...argv) => {
    await expect(packOperator(operator, argv)).rejects.toMatchObject({ reason: 'BadRequest' });
  });
});
