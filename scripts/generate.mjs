/**
 * Runs `prisma generate` without the internet: Prisma insists on finding its schema engine, which generating never runs,
 * and would download it. Any existing file satisfies it. Run through npm, which puts the Pothos generator on the PATH.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';

const prisma = createRequire(import.meta.url).resolve('prisma/build/index.js');
const { status } = spawnSync(process.execPath, [prisma, 'generate', '--no-hints'], {
  stdio: ['ignore', 'inherit', 'inherit'],
  env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath },
});
process.exit(status ?? 1);
