// Puts the program of apps/keelson and all that it needs into few files, since reading a thousand small ones is most of what a start costs.
// Does nothing if nothing was built since. Usage: bundle (after `tsc -b`).
import { existsSync, globSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown, type Plugin } from 'rolldown';

const root = join(import.meta.dirname, '../..');
const app = join(root, 'apps/keelson');
const output = join(app, 'bundle');

/** Every build of a project writes its build information. */
function isFresh(): boolean {
  const entry = join(output, 'main.js');
  if (!existsSync(entry)) return false;
  const bundledMs = statSync(entry).mtimeMs;
  const built = globSync('{packages,apps}/*/dist/.tsbuildinfo', { cwd: root });
  return (
    built.every((file) => statSync(join(root, file)).mtimeMs < bundledMs) && statSync(import.meta.filename).mtimeMs < bundledMs
  );
}

/**
 * An `import` of a module of Node's reads all its exports, of which some are made when they are read: those of `node:http` that belong to
 * WebSocket load a whole HTTP client (45 ms), and `node:tls` makes text of all authorities that Node knows. So these modules are got in the
 * other way, without what nobody here imports.
 */
function leanBuiltins(): Plugin {
  const unread = { http: ['WebSocket', 'CloseEvent', 'MessageEvent'], tls: ['rootCertificates'] } as const;
  const lean = Object.entries(unread).map(([name, left]) => {
    const all = Object.keys(Object.getOwnPropertyDescriptors(process.getBuiltinModule(`node:${name}`)));
    const names = all.filter((each) => each !== 'default' && !(left as readonly string[]).includes(each)).join(', ');
    const code = `const it = process.getBuiltinModule('node:${name}');\nexport default it;\nexport const { ${names} } = it;\n`;
    return [`\0lean-${name}`, code] as const;
  });
  const codes = new Map(lean);
  return {
    name: 'lean-builtins',
    resolveId(source) {
      const id = `\0lean-${source.replace(/^node:/, '')}`;
      return codes.has(id) ? id : null;
    },
    load: (id) => codes.get(id) ?? null,
  };
}

/**
 * Escapes what is not ASCII: one such character (most come from libraries) makes V8 keep two bytes for each character of the whole file, as
 * long as the program runs (3 MB). No template literal with such characters is read raw.
 */
function asciiOnly(): Plugin {
  const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return {
    name: 'ascii-only',
    generateBundle(_options, files) {
      for (const file of Object.values(files)) {
        if (file.type === 'chunk') file.code = file.code.replaceAll(/[^\0-\x7F]/g, escaped);
      }
    },
  };
}

if (!isFresh()) {
  rmSync(output, { recursive: true, force: true });
  const bundle = await rolldown({
    input: join(app, 'dist/main.js'),
    platform: 'node',
    // ECMAScript modules where there are any: of others all is taken in, though little of it be used.
    resolve: { mainFields: ['module', 'main'], alias: { rxjs: join(root, 'node_modules/rxjs/dist/esm/index.js') } },
    // It loads a compiled part of its own, from where it is.
    external: ['lmdb'],
    plugins: [leanBuiltins(), asciiOnly()],
    logLevel: 'warn',
  });
  try {
    // Names of functions and classes stay, for stack traces; what stands between them need not be read.
    const mangle = { toplevel: false, keepNames: { function: true, class: true } };
    const minify = { compress: false, mangle, codegen: { removeWhitespace: true } };
    await bundle.write({ dir: output, format: 'es', minify });
  } finally {
    await bundle.close();
  }
}
