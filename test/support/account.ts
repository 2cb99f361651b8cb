import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import type { TestApp } from './app.ts';
import type { Person } from './person.ts';

export const deleteAccountMutation = `mutation ($confirmation: String!) {
  deleteAccount(confirmation: $confirmation) { __typename ... on DeletedAccount { userId } ... on UserError { message } }
}`;

/** What came of it; fails the test on an error that isn't a member of the result. */
export const deleteAccount = async (person: Person, confirmation = person.id) =>
  (
    await person.query<{ deleteAccount: { __typename: string; userId?: string } }, object>(deleteAccountMutation, {
      confirmation,
    })
  ).deleteAccount;

/** Every column of every table in which a text stands somewhere, as `table.column`. */
export async function columnsWith({ platform }: Pick<TestApp, 'platform'>, text: string): Promise<string[]> {
  const { prisma } = platform.db;
  const columns = await prisma.$queryRaw<{ table: string; column: string; type: string }[]>`
    select table_name as table, column_name as column, data_type as type
    from information_schema.columns join information_schema.tables using (table_schema, table_name)
    where table_schema = 'public' and table_type = 'BASE TABLE'`;
  const found: string[] = [];
  for (const { table, column, type } of columns) {
    const isThere =
      type === 'bytea' ? `position(convert_to($1, 'UTF8') in "${column}") > 0` : `strpos("${column}"::text, $1) > 0`;
    const sql = `select 1 as one from "${table}" where ${isThere} limit 1`;
    const rows = await prisma.$queryRawUnsafe<object[]>(sql, text);
    if (rows.length > 0) found.push(`${table}.${column}`);
  }
  return found.toSorted();
}

/** Waits until the workers have erased whatever has that text, such as a user's id, but for these columns. */
export const expectErased = (app: Pick<TestApp, 'platform'>, text: string, but: string[] = []): Promise<void> =>
  vi.waitFor(async () => expect(await columnsWith(app, text)).toEqual(but), { timeout: 20_000, interval: 50 });

/** Files of the picture store, in order. */
export async function storedFiles({ folder }: Pick<TestApp, 'folder'>): Promise<string[]> {
  return (await listFiles(folder)).map(({ name }) => name).toSorted();
}

/** Files below a folder. */
export const listFiles = async (folder: string) =>
  (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());

/**
 * As if the time had passed for which the files of deleted pictures stay, in case that an upload needs them; what happens
 * `meanwhile` is younger than that.
 */
export async function passRemovalDelay(
  { platform, folder }: Pick<TestApp, 'platform' | 'folder'>,
  meanwhile: () => Promise<void> = async () => {},
): Promise<void> {
  const [longAgo, ago] = [new Date(Date.now() - 600_000), new Date(Date.now() - 60_000)];
  for (const { parentPath, name } of await listFiles(folder)) await utimes(join(parentPath, name), longAgo, longAgo);
  await meanwhile();
  await platform.db.prisma.fileRemoval.updateMany({ where: { removedAt: null }, data: { requestedAt: ago } });
}
