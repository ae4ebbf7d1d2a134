import type { IncomingMessage } from 'node:http';
import { Transform } from 'node:stream';
import type { RewritingStream } from 'parse5-html-rewriting-stream';
import { createDeflate, createGunzip, createGzip, createInflate } from 'node:zlib';

/** Attributes that hold a URL, by element. */
const LINKS: Readonly<Record<string, readonly string[]>> = {
  a: ['href'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['formaction', 'src', 'usemap'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  track: ['src'],
  video: ['poster', 'src'],
};

/** How a body may be packed, and what unpacks and packs it. */
const ENCODINGS: Readonly<Record<string, readonly [unpack: () => Transform, pack: () => Transform]>> = {
  gzip: [createGunzip, createGzip],
  deflate: [createInflate, createDeflate],
};

/**
 * The steps that change the links of a body on its way, each by `rewrite`; `undefined` if it is no HTML, or packed in a way that is not known.
 * All else of the body stays as it is, byte by byte, in any encoding in which ASCII is ASCII; a tag that never ends is left out, as browsers do.
 */
export async function htmlSteps(
  { headers }: Pick<IncomingMessage, 'headers'>,
  rewrite: (url: string) => string,
): Promise<readonly Transform[] | undefined> {
  if (!/^text\/html\s*(;|$)/i.test(headers['content-type'] ?? '')) return undefined;
  const encoding = headers['content-encoding'];
  if (encoding === undefined || encoding === 'identity') return [await linkRewriter(rewrite)];
  const known = ENCODINGS[encoding.toLowerCase()];
  if (!known) return undefined;
  const [unpack, pack] = known;
  return [unpack(), await linkRewriter(rewrite), pack()];
}

async function linkRewriter(rewrite: (url: string) => string): Promise<Transform> {
  // Not loaded before there is HTML.
  const { RewritingStream } = await import('parse5-html-rewriting-stream');
  const rewriting = new RewritingStream();
  rewriting.on('startTag', ({ tagName, attrs, sourceCodeLocation }, html) => {
    const changes = attrs
      .filter(({ name }) => LINKS[tagName]?.includes(name))
      .map(({ name, value }) => ({ name, value: rewrite(value), old: value, at: attributeLocations(sourceCodeLocation)[name] }))
      .filter(({ value, old }) => value !== old)
      .toReversed();
    const begin = sourceCodeLocation?.startOffset ?? 0;
    rewriting.emitRaw(
      changes.reduce((text, { name, value, at }) => (at ? replaced(text, at, { name, value, begin }) : text), html),
    );
  });
  return byBytes(rewriting);
}

/** It works on text: one character for each byte, there and back. */
function byBytes(rewriting: RewritingStream): Transform {
  const bytes = new Transform({
    transform: (chunk: Buffer, _encoding, done) => void rewriting.write(chunk.toString('latin1'), done),
    flush: (done) => void rewriting.once('end', () => done()).end(),
    destroy: (error, done) => {
      rewriting.destroy();
      done(error);
    },
  });
  rewriting.on('data', (text: string) => void bytes.push(Buffer.from(text, 'latin1')));
  rewriting.on('error', (error: Error) => bytes.destroy(error));
  return bytes;
}

interface Location {
  readonly startOffset: number;
  readonly endOffset: number;
}

/** Where the attributes of a start tag are; the library's types leave them out. */
function attributeLocations(location: object | null | undefined): Readonly<Record<string, Location>> {
  return (location as { readonly attrs?: Record<string, Location> } | null | undefined)?.attrs ?? {};
}

function replaced(
  html: string,
  at: Location,
  { name, value, begin }: { readonly name: string; readonly value: string; readonly begin: number },
): string {
  const quoted = value.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  return `${html.slice(0, at.startOffset - begin)}${name}="${quoted}"${html.slice(at.endOffset - begin)}`;
}
