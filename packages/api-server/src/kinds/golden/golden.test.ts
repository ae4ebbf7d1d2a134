import { readdirSync, readFileSync } from 'node:fs';
import { statusOf } from '@keelson/api';
import { ManualClock } from '@keelson/base/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { startTestApiServer, type TestApiServer } from '../../testing.ts';

/** One request and its whole answer: the object as it is stored, or a Status. Cases of a file are made in order, on one server. */
interface GoldenCase {
  readonly title: string;
  readonly post?: string;
  readonly put?: string;
  /** A JSON merge patch. */
  readonly merge?: string;
  readonly body: object;
  readonly answer: unknown;
}

const FOLDER = new URL('data/', import.meta.url);
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'));

async function answer(server: TestApiServer, { post, put, merge, body }: GoldenCase): Promise<unknown> {
  const path = post ?? put ?? merge ?? '';
  const method = post === undefined ? (put === undefined ? 'PATCH' : 'PUT') : 'POST';
  const contentType = method === 'PATCH' ? { contentType: 'application/merge-patch+json' } : {};
  try {
    return plain((await server.transport.request({ method, path, body, ...contentType })).body as object);
  } catch (error) {
    return JSON.parse(JSON.stringify(statusOf(error)));
  }
}

/** Without what differs from run to run; a uid that is repeated inside of the object is `UID`. */
function plain(object: { metadata?: { uid?: string } }): unknown {
  const { uid = '' } = object.metadata ?? {};
  const copy = JSON.parse(JSON.stringify(object).replaceAll(uid === '' ? '\0' : uid, 'UID'));
  for (const field of ['uid', 'resourceVersion', 'creationTimestamp', 'managedFields']) delete copy.metadata?.[field];
  return copy;
}

describe.each(FILES)('%s', (file) => {
  let server: TestApiServer;
  beforeAll(async () => {
    // What admission adds is not the kind's.
    const disabledAdmission = ['StorageObjectInUseProtection'] as const;
    server = await startTestApiServer({ clock: new ManualClock(), server: { disabledAdmission } });
  });
  afterAll(() => server.close());

  it.each<GoldenCase>(parse(readFileSync(new URL(file, FOLDER), 'utf8')))('$title', async (golden) => {
    expect(await answer(server, golden)).toEqual(golden.answer);
  });
});
