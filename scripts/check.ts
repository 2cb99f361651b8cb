import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** `npm run check`: types, lint and format, and that what is generated is what the source makes. */

const generated = ['src/generated', 'schema.graphql', 'test/support/operations.ts'];

const filesOf = (path: string): string[] =>
  statSync(path).isDirectory() ? readdirSync(path).flatMap((name) => filesOf(join(path, name))) : [path];

const fingerprint = () =>
  new Map(
    generated.flatMap(filesOf).map((file) => [file, createHash('sha256').update(readFileSync(file)).digest('hex')]),
  );

function run(command: string, args: string[]): boolean {
  const { status } = spawnSync(command, args, { stdio: 'inherit', shell: process.platform === 'win32' });
  return status === 0;
}

function isGeneratedCurrent(): boolean {
  const before = fingerprint();
  if (!run('npm', ['run', '--silent', 'generate'])) return false;
  const after = fingerprint();
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
    (file) => before.get(file) !== after.get(file),
  );
  for (const file of changed)
    process.stderr.write(`${file} is not what the source makes: npm run generate, and commit it.\n`);
  return changed.length === 0;
}

const results = [
  run('tsc', ['-p', 'tsconfig.json']),
  run('tsc', ['-p', 'bench']),
  run('biome', ['ci', '.']),
  isGeneratedCurrent(),
];
process.exit(results.every(Boolean) ? 0 : 1);
