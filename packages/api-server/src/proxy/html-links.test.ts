import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { htmlSteps } from './html-links.ts';

const prefixed = (url: string): string => (url.startsWith('/') ? `/proxy${url}` : url);

async function sent(chunks: readonly Buffer[], headers: Record<string, string>): Promise<Buffer> {
  const steps = (await htmlSteps({ headers: { 'content-type': 'text/html; charset=utf-8', ...headers } }, prefixed)) ?? [];
  const end = new PassThrough();
  const received = buffer(end);
  await pipeline([Readable.from(chunks), ...steps, end]);
  return received;
}

async function rewritten(html: string): Promise<string> {
  return (await sent([Buffer.from(html)], {})).toString();
}

describe('links in HTML', () => {
  it.each([
    { title: 'a link', html: '<a href="/x?a=1&amp;b=2#c">t</a>', want: '<a href="/proxy/x?a=1&amp;b=2#c">t</a>' },
    { title: 'one without quotes', html: '<img alt=x src=/y.png>', want: '<img alt=x src="/proxy/y.png">' },
    {
      title: 'two of one element',
      html: '<video poster="/p" src=\'/v\'></video>',
      want: '<video poster="/proxy/p" src="/proxy/v"></video>',
    },
    { title: 'a form in upper case', html: '<FORM ACTION="/go" METHOD=POST>', want: '<FORM action="/proxy/go" METHOD=POST>' },
  ])('$title is changed', async ({ html, want }) => {
    expect(await rewritten(html)).toBe(want);
  });

  it.each([
    { title: 'a relative link', html: '<a href="x">t</a>' },
    { title: 'another attribute', html: '<a title="/x">t</a>' },
    { title: 'what looks like a link in a script', html: '<script>var a = \'<a href="/x">\';</script>' },
    { title: 'a comment', html: '<!-- <a href="/x"> -->' },
    { title: 'what is not well formed', html: '<p <b>a</i>\r\n<br/ >&nbsp;&unknown;ä€ <pre>\n\n</pre></a>' },
  ])('$title stays as it is', async ({ html }) => {
    expect(await rewritten(html)).toBe(html);
  });

  it('is found wherever the parts of a body begin, in any bytes', async () => {
    const html = Buffer.concat([Buffer.from('<p>'), Buffer.from([0xff, 0xe9, 0x80]), Buffer.from('<a href="/x">t</a>')]);
    const want = Buffer.concat([html.subarray(0, 6), Buffer.from('<a href="/proxy/x">t</a>')]);

    const parts = Array.from(html, (byte) => Buffer.from([byte]));

    expect(await sent(parts, {})).toEqual(want);
  });

  it('is changed in packed bodies, which stay packed', async () => {
    const html = '<a href="/x">t</a>';

    const zipped = await sent([gzipSync(html)], { 'content-encoding': 'gzip' });
    const deflated = await sent([deflateSync(html)], { 'content-encoding': 'deflate' });

    expect(gunzipSync(zipped).toString()).toBe('<a href="/proxy/x">t</a>');
    expect(inflateSync(deflated).toString()).toBe('<a href="/proxy/x">t</a>');
  });

  it('stays in what is no HTML, or cannot be unpacked', async () => {
    const html = Buffer.from('<a href="/x">t</a>');

    expect(await sent([html], { 'content-type': 'text/plain' })).toEqual(html);
    expect(await sent([html], { 'content-encoding': 'br' })).toEqual(html);
  });
});
