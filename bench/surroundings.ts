import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { promisify } from 'node:util';
import type pg from 'pg';
import type { DataSize } from './sizes.ts';

const execute = promisify(execFile);
const folder = new URL('..', import.meta.url);

/** Where something was measured, so that a reader knows what it may be compared with. */
export async function describeSurroundings(client: pg.Client, size: DataSize): Promise<string> {
  const { rows } = await client.query<{ version: string }>("select current_setting('server_version') as version");
  const processors = cpus();
  return [
    `Commit ${await commit()}`,
    `Node ${process.versions.node}, PostgreSQL ${rows[0]?.version.split(' ')[0]}`,
    `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 1_024 ** 3)} GB`,
    describeSize(size),
  ].join(' · ');
}

const describeSize = ({ users, follows, events }: DataSize) =>
  `${count(users)} users, ${count(follows)} follows, ${count(events)} events`;

export const count = (value: number): string => value.toLocaleString('en');

async function commit(): Promise<string> {
  const git = async (...args: string[]) => (await execute('git', args, { cwd: folder })).stdout.trim();
  try {
    const changed = await git('status', '--porcelain', '--', 'src', 'bench');
    return `${await git('rev-parse', '--short', 'HEAD')}${changed && ', with changes'}`;
  } catch {
    return 'unknown';
  }
}

/** The version of a package of the bench. */
export async function versionOf(packageName: string): Promise<string> {
  const text = await readFile(new URL(`node_modules/${packageName}/package.json`, import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
