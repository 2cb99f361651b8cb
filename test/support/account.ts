import { readdir } from 'node:fs/promises';
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
export async function columnsWith({ platform }: TestApp, text: string): Promise<string[]> {
  const { prisma } = platform.db;
  const columns = await prisma.$queryRaw<{ table: string; column: string }[]>`
    select table_name as table, column_name as column
    from information_schema.columns join information_schema.tables using (table_schema, table_name)
    where table_schema = 'public' and table_type = 'BASE TABLE'`;
  const found: string[] = [];
  for (const { table, column } of columns) {
    const sql = `select 1 as one from "${table}" where strpos("${column}"::text, $1) > 0 limit 1`;
    const rows = await prisma.$queryRawUnsafe<object[]>(sql, text);
    if (rows.length > 0) found.push(`${table}.${column}`);
  }
  return found.toSorted();
}

/** Files of the picture store. */
export async function storedFiles({ folder }: TestApp): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}
