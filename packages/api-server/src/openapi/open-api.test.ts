import { gunzipSync } from 'node:zlib';
import { apiVersionOf, facts, openApiName } from '@keelson/api';
import { describe, expect, it } from 'vitest';
import { builtinDefinitions } from '../registry/builtin-definitions.ts';
import { Query } from '../request/query.ts';
import { describeDefinition, describeField, DESCRIPTIONS } from './descriptions.ts';
import { OpenApi } from './open-api.ts';
import { readFields, textOf } from './testing/wire.ts';

const PROTOBUF = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
const builtin = builtinDefinitions();

interface Schema {
  type?: string;
  properties: Record<string, Record<string, unknown>>;
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[];
}

interface Index {
  paths: Record<string, { serverRelativeURL: string }>;
}

interface Document {
  openapi: string;
  swagger: string;
  paths: Record<string, Record<string, { operationId?: string; parameters?: { name: string }[] }>>;
  definitions: Record<string, Schema>;
  components: { schemas: Record<string, Schema> };
}

function respond(openApi: OpenApi, url: string, headers: Parameters<OpenApi['handle']>[1] = {}) {
  const { pathname, search } = new URL(url, 'http://server');
  const response = openApi.handle(pathname, headers, Query.parse(search.slice(1)));
  if (!response) throw new Error(`nothing at ${url}`);
  return response;
}

function read(openApi: OpenApi, url: string): Document {
  return JSON.parse(respond(openApi, url).body.toString()) as Document;
}

function readIndex(openApi: OpenApi): Index['paths'] {
  return (JSON.parse(respond(openApi, '/openapi/v3').body.toString()) as Index).paths;
}

const shared = new OpenApi(() => builtin);
const v2 = read(shared, '/openapi/v2');
const groupVersions = [...new Set(builtin.map((definition) => apiVersionOf(definition)))];

function documentOf(groupVersion: string): Document {
  return read(shared, `/openapi/v3/${groupVersion.includes('/') ? 'apis' : 'api'}/${groupVersion}`);
}

/** Every `$ref` in the document. */
function references(document: unknown): string[] {
  const found: string[] = [];
  JSON.stringify(document, (key, value: unknown) => {
    // A schema of schemas has a property of that name.
    if (key === '$ref' && typeof value === 'string') found.push(value);
    return value;
  });
  return [...new Set(found)];
}

describe.each([
  { dialect: 'v2', documents: () => [v2], schemas: (document: Document) => document.definitions, at: '#/definitions/' },
  {
    dialect: 'v3',
    documents: () => groupVersions.map(documentOf),
    schemas: (document: Document) => document.components.schemas,
    at: '#/components/schemas/',
  },
])('OpenAPI $dialect', ({ dialect, documents, schemas, at }) => {
  it('has a schema under its Go name, with group, version and kind, for every kind that is served', () => {
    const all = documents();

    const missing = builtin.filter(({ group, version, kind, schema }) => {
      const name = openApiName(schema.name);
      return !all.some((document) =>
        schemas(document)[name]?.['x-kubernetes-group-version-kind']?.some(
          (each) => each.group === group && each.version === version && each.kind === kind,
        ),
      );
    });

    expect(missing.map(({ schema }) => schema.name)).toEqual([]);
  });

  it('refers to nothing that is not there', () => {
    const dangling = documents().flatMap((document) =>
      references(document).filter((reference) => !reference.startsWith(at) || !(reference.slice(at.length) in schemas(document))),
    );

    expect(dangling).toEqual([]);
  });

  it('says how lists are merged', () => {
    const named = (name: string): Schema =>
      documents()
        .map((document) => schemas(document)[name])
        .find((schema) => schema !== undefined) ?? { properties: {} };

    expect(named('io.k8s.api.core.v1.PodSpec').properties['containers']).toMatchObject({
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      'x-kubernetes-patch-merge-key': 'name',
      'x-kubernetes-patch-strategy': 'merge',
    });
    expect(named('io.k8s.api.core.v1.ServiceSpec').properties['ports']).toMatchObject({
      'x-kubernetes-list-map-keys': ['port', 'protocol'],
      'x-kubernetes-patch-merge-key': 'port',
    });
    expect(named('io.k8s.api.core.v1.PodSpec').properties['volumes']).toMatchObject({
      'x-kubernetes-patch-strategy': 'merge,retainKeys',
    });
    expect(named('io.k8s.api.core.v1.ConfigMapKeySelector')).toMatchObject({ 'x-kubernetes-map-type': 'atomic' });
  });

  it('carries every merge key and list type of the tables', () => {
    const all = documents().map(schemas);

    const lost = Object.entries(facts().definitions).flatMap(([name, { fields = {} }]) => {
      const made = all.map((each) => each[openApiName(name)]).find((each) => each !== undefined);
      if (!made) return [];
      return Object.entries(fields)
        .filter(([field, { patchMergeKey, listType }]) => {
          const schema = made.properties[field] ?? {};
          return schema['x-kubernetes-patch-merge-key'] !== patchMergeKey || schema['x-kubernetes-list-type'] !== listType;
        })
        .map(([field]) => `${name}.${field}`);
    });

    expect(lost).toEqual([]);
  });

  it('names every operation once', () => {
    for (const { paths } of documents()) {
      const ids = Object.values(paths).flatMap((item) =>
        Object.values(item).flatMap(({ operationId }) => (operationId ? [operationId] : [])),
      );
      expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    }
  });

  it('lets patches be validated, forced and run dry', () => {
    const parameters = documents()
      .map(({ paths }) => paths['/api/v1/namespaces/{namespace}/pods/{name}']?.['patch']?.parameters)
      .find((each) => each !== undefined);

    expect(parameters?.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['dryRun', 'fieldManager', 'fieldValidation', 'force']),
    );
    expect(dialect).toMatch(/^v[23]$/);
  });
});

describe('descriptions', () => {
  const { definitions, extraDefinitions, resources } = facts();
  const all = { ...extraDefinitions, ...definitions };
  const GROUPS = ['', 'apps', 'batch', 'networking.k8s.io', 'rbac.authorization.k8s.io'];

  /** Of these groups, with all that their kinds are made of. */
  const reached = (): ReadonlySet<string> => {
    const names = resources
      .filter(({ group, stability }) => GROUPS.includes(group) && stability !== 'alpha')
      .map(({ def }) => def);
    const found = new Set<string>();
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      if (found.has(name) || all[name] === undefined) continue;
      found.add(name);
      for (const [, of] of JSON.stringify(all[name]).matchAll(/"(?:#|ref":")([a-z0-9]+\.[\w.]+)"/g)) names.push(of ?? '');
    }
    return found;
  };

  it('are of what there is', () => {
    const unknown = Object.entries(DESCRIPTIONS).flatMap(([name, fields]) =>
      Object.keys(fields)
        .filter((field) => (field === '' ? all[name] === undefined : all[name]?.fields?.[field] === undefined))
        .map((field) => `${name}.${field}`),
    );

    expect(unknown).toEqual([]);
  });

  it('are there of all that kinds of core, apps, batch, networking and rbac are made of', () => {
    const missing = [...reached()].flatMap((name) => [
      ...(describeDefinition(name) === undefined ? [name] : []),
      ...Object.keys(all[name]?.fields ?? {})
        .filter((field) => describeField(name, field) === undefined)
        .map((field) => `${name}.${field}`),
    ]);

    expect(reached().size).toBeGreaterThan(290);
    expect(missing).toEqual([]);
  });
});

describe('/openapi/v2', () => {
  it('says what it is, and marks the scale of a Deployment as a kind of its own', () => {
    expect(v2.swagger).toBe('2.0');
    expect(v2.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale']?.['get']).toMatchObject({
      operationId: 'readAppsV1NamespacedDeploymentScale',
      'x-kubernetes-group-version-kind': { group: 'autoscaling', version: 'v1', kind: 'Scale' },
    });
  });

  it('has the same definitions and paths in protobuf', () => {
    const response = respond(shared, '/openapi/v2', { accept: `${PROTOBUF},application/json`, acceptEncoding: 'gzip' });

    const fields = readFields(gunzipSync(response.body));
    const paths = fields.filter(({ number }) => number === 8).flatMap(({ bytes }) => readFields(bytes));
    const definitions = fields.filter(({ number }) => number === 9).flatMap(({ bytes }) => readFields(bytes));
    const nameOf = ({ bytes }: { bytes: Uint8Array }) => textOf(readFields(bytes), 1);

    expect(response).toMatchObject({
      contentType: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
      headers: { 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding, Accept' },
    });
    expect(textOf(fields, 1)).toBe('2.0');
    expect(paths.map(nameOf)).toEqual(Object.keys(v2.paths));
    expect(definitions.map(nameOf)).toEqual(Object.keys(v2.definitions));
  });

  it('keeps merge keys in protobuf, as YAML', () => {
    const fields = readFields(respond(shared, '/openapi/v2', { accept: PROTOBUF }).body);
    const definitions = fields.filter(({ number }) => number === 9).flatMap(({ bytes }) => readFields(bytes));
    const spec = definitions
      .map(({ bytes }) => readFields(bytes))
      .find((each) => textOf(each, 1) === 'io.k8s.api.core.v1.PodSpec');
    const schema = readFields(spec?.find(({ number }) => number === 2)?.bytes ?? new Uint8Array());
    const properties = schema.filter(({ number }) => number === 25).flatMap(({ bytes }) => readFields(bytes));
    const containers = properties.map(({ bytes }) => readFields(bytes)).find((each) => textOf(each, 1) === 'containers');
    const extensions = readFields(containers?.find(({ number }) => number === 2)?.bytes ?? new Uint8Array())
      .filter(({ number }) => number === 31)
      .map(({ bytes }) => readFields(bytes))
      .map((each) => [
        textOf(each, 1),
        textOf(readFields(each.find(({ number }) => number === 2)?.bytes ?? new Uint8Array()), 2),
      ]);

    expect(Object.fromEntries(extensions)).toMatchObject({
      'x-kubernetes-patch-merge-key': '"name"\n',
      'x-kubernetes-list-map-keys': '["name"]\n',
    });
  });

  it('refuses what it cannot write', () => {
    expect(respond(shared, '/openapi/v2', { accept: 'text/html' }).status).toBe(406);
  });

  it('does not send again what the client has', () => {
    const { etag } = respond(shared, '/openapi/v2');

    expect(respond(shared, '/openapi/v2', { ifNoneMatch: etag })).toMatchObject({ status: 304, body: Buffer.alloc(0) });
  });
});

describe('/openapi/v3', () => {
  const index = readIndex(shared);

  it('lists a document for each group and version, and for the paths above', () => {
    const expected = groupVersions.map((groupVersion) => `${groupVersion.includes('/') ? 'apis' : 'api'}/${groupVersion}`);

    expect(Object.keys(index)).toEqual(expect.arrayContaining([...expected, 'api', 'apis', 'apis/apps', 'version']));
    for (const { serverRelativeURL } of Object.values(index)) expect(respond(shared, serverRelativeURL).status).toBe(200);
  });

  it('lets a document be kept for ever under its hash', () => {
    const response = respond(shared, index['apis/apps/v1']?.serverRelativeURL ?? '');

    expect(response.headers).toMatchObject({ 'Cache-Control': 'public, immutable, max-age=31536000' });
  });

  it('leads from an old hash to the present one', () => {
    const response = respond(shared, '/openapi/v3/apis/apps/v1?hash=OLD');

    expect(response.status).toBe(301);
    expect(response.headers).toMatchObject({ Location: index['apis/apps/v1']?.serverRelativeURL });
  });

  it('knows nothing of groups that are not served', () => {
    expect(shared.handle('/openapi/v3/apis/none/v1')).toBeUndefined();
  });

  it('makes anew only the documents of what has changed', () => {
    let served = builtin;
    const openApi = new OpenApi(() => served);
    const hashes = () =>
      Object.fromEntries(Object.entries(readIndex(openApi)).map(([name, { serverRelativeURL }]) => [name, serverRelativeURL]));
    const before = hashes();
    const gone = builtin.filter(({ group, kind }) => group === 'apps' && kind === 'DaemonSet');

    served = builtin.filter((definition) => !gone.includes(definition));
    openApi.invalidate(gone);
    const after = hashes();

    expect(Object.keys(after).filter((name) => after[name] !== before[name])).toEqual(['apis/apps/v1']);
    expect(read(openApi, '/openapi/v2').definitions).not.toHaveProperty(['io.k8s.api.apps.v1.DaemonSet']);
  });
});
