import { describe, expect, it } from 'vitest';
import { RoutingTable, type Route } from './routing-table.ts';

const route = (backend: string, path: string): Route => ({
  namespace: 'n',
  ingress: 'i',
  path,
  backend,
  redirectsToHttps: false,
});

function tableOf(...rules: readonly (readonly [type: 'Exact' | 'Prefix', path: string, host?: string])[]): RoutingTable {
  const table = new RoutingTable();
  for (const [type, path, host = ''] of rules) table.addPath(host, type, route(`${type} ${path}`, path));
  return table;
}

describe('paths, by the examples of the Kubernetes documentation', () => {
  it.each([
    { rules: [['Prefix', '/']], path: '/any/path', want: 'Prefix /' },
    { rules: [['Exact', '/foo']], path: '/foo', want: 'Exact /foo' },
    { rules: [['Exact', '/foo']], path: '/bar', want: undefined },
    { rules: [['Exact', '/foo']], path: '/foo/', want: undefined },
    { rules: [['Exact', '/foo/']], path: '/foo', want: undefined },
    { rules: [['Prefix', '/foo']], path: '/foo', want: 'Prefix /foo' },
    { rules: [['Prefix', '/foo']], path: '/foo/', want: 'Prefix /foo' },
    { rules: [['Prefix', '/foo/']], path: '/foo', want: 'Prefix /foo/' },
    { rules: [['Prefix', '/foo/']], path: '/foo/', want: 'Prefix /foo/' },
    { rules: [['Prefix', '/aaa/bb']], path: '/aaa/bbb', want: undefined },
    { rules: [['Prefix', '/aaa/bbb']], path: '/aaa/bbb', want: 'Prefix /aaa/bbb' },
    { rules: [['Prefix', '/aaa/bbb/']], path: '/aaa/bbb', want: 'Prefix /aaa/bbb/' },
    { rules: [['Prefix', '/aaa/bbb']], path: '/aaa/bbb/', want: 'Prefix /aaa/bbb' },
    { rules: [['Prefix', '/aaa/bbb']], path: '/aaa/bbb/ccc', want: 'Prefix /aaa/bbb' },
    { rules: [['Prefix', '/aaa/bbb']], path: '/aaa/bbbxyz', want: undefined },
    {
      rules: [
        ['Prefix', '/'],
        ['Prefix', '/aaa'],
      ],
      path: '/aaa/ccc',
      want: 'Prefix /aaa',
    },
    {
      rules: [
        ['Prefix', '/'],
        ['Prefix', '/aaa'],
        ['Prefix', '/aaa/bbb'],
      ],
      path: '/aaa/bbb',
      want: 'Prefix /aaa/bbb',
    },
    {
      rules: [
        ['Prefix', '/'],
        ['Prefix', '/aaa'],
        ['Prefix', '/aaa/bbb'],
      ],
      path: '/ccc',
      want: 'Prefix /',
    },
    { rules: [['Prefix', '/aaa']], path: '/ccc', want: undefined },
    {
      rules: [
        ['Prefix', '/foo'],
        ['Exact', '/foo'],
      ],
      path: '/foo',
      want: 'Exact /foo',
    },
    { rules: [['Exact', '/']], path: '/a', want: undefined },
    { rules: [['Exact', '/FOO']], path: '/foo', want: undefined },
  ] satisfies { rules: (readonly ['Exact' | 'Prefix', string])[]; path: string; want: string | undefined }[])(
    '$rules and $path: $want',
    ({ rules, path, want }) => {
      expect(tableOf(...rules).match('any.example', path)?.backend).toBe(want);
    },
  );
});

describe('hosts', () => {
  const table = tableOf(
    ['Prefix', '/own', 'a.foo.com'],
    ['Prefix', '/wild', '*.foo.com'],
    ['Prefix', '/own', '*.foo.com'],
    ['Prefix', '/all', ''],
  );

  it.each([
    { host: 'a.foo.com', path: '/own', want: '/own' },
    { host: 'a.foo.com', path: '/wild', want: '/wild' },
    { host: 'b.foo.com', path: '/wild', want: '/wild' },
    { host: 'b.foo.com', path: '/all', want: '/all' },
    { host: 'a.b.foo.com', path: '/wild', want: undefined },
    { host: 'foo.com', path: '/wild', want: undefined },
    { host: 'com', path: '/all', want: '/all' },
    { host: 'other.org', path: '/own', want: undefined },
  ])('$host$path leads to $want', ({ host, path, want }) => {
    expect(table.match(host, path)?.path).toBe(want);
  });

  it('goes to the default of the host, then to that of all, when no path is right', () => {
    const withDefaults = tableOf(['Exact', '/x', 'a.foo.com']);
    withDefaults.addHostFallback('a.foo.com', route('own', ''));
    withDefaults.addFallback(route('global', ''));

    expect(withDefaults.match('a.foo.com', '/y')?.backend).toBe('own');
    expect(withDefaults.match('b.foo.com', '/y')?.backend).toBe('global');
    expect(withDefaults.match('a.foo.com', '/x')?.backend).toBe('Exact /x');
  });

  it('keeps what was added first', () => {
    const twice = new RoutingTable();
    twice.addPath('h', 'Prefix', route('older', '/a'));
    twice.addPath('h', 'Prefix', route('newer', '/a/'));

    expect(twice.match('h', '/a')?.backend).toBe('older');
  });
});
