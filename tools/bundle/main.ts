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
 * An `import` of `node:http` reads all its exports, and those that belong to WebSocket load a whole HTTP client (45 ms). So it is got in the
 * other way, without them.
 */
function leanHttp(): Plugin {
  const id = '\0lean-http';
  const names = Object.keys(Object.getOwnPropertyDescriptors(process.getBuiltinModule('node:http'))).filter(
    (name) => !['WebSocket', 'CloseEvent', 'MessageEvent', 'default'].includes(name),
  );
  return {
    name: 'lean-http',
    resolveId: (source) => (source === 'node:http' || source === 'http' ? id : null),
    load: (asked) =>
      asked === id
        ? `const http = process.getBuiltinModule('node:http');\nexport default http;\nexport const { ${names.join(', ')} } = http;\n`
        : null,
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
    // It loads a compiled part of its own, from where it is.
    external: ['lmdb'],
    plugins: [leanHttp(), asciiOnly()],
    logLevel: 'warn',
  });
  try {
    // Names stay, for stack traces; what stands between them need not be read.
    const minify = { compress: false, mangle: false, codegen: { removeWhitespace: true } };
    await bundle.write({ dir: output, format: 'es', minify });
  } finally {
    await bundle.close();
  }
}
