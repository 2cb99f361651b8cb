import { type GraphQLObjectType, type GraphQLSchema, getNamedType, isCompositeType, isObjectType } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { schema } from '../src/schema.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { type Archive, takeOut } from './support/export.ts';
import { createOwnerOfEverything, type OwnerOfEverything } from './support/export-owner.ts';
import { type Place, type TablePart, tableParts, tablesOfNobody } from './support/export-tables.ts';
import { frameFields, peopleLists, type TypePart, typeParts } from './support/export-types.ts';

let app: TestApp;
let owner: OwnerOfEverything;
let archive: Archive;
beforeAll(async () => {
  app = await createTestApp();
  owner = await createOwnerOfEverything(app);
  archive = await takeOut(app, owner);
});
afterAll(() => app.close());

/** The values at a path in each row of a file, or in its one object. */
function valuesIn({ file, at }: { file: string; at?: string }, path: string): unknown[] {
  const content = at === undefined ? archive.json(file) : valueAt(archive.json(file), at);
  return [content].flat().map((row) => valueAt(row, path));
}

const valueAt = (value: unknown, path: string): unknown =>
  path.split('.').reduce((inner, key) => (inner as Record<string, unknown> | null)?.[key], value);

const placed = (places: Record<string, Place>) =>
  Object.entries(places).flatMap(([name, place]) => (typeof place === 'string' ? [{ name, path: place }] : []));

describe('every column of the database', () => {
  test('has its place in the export, or a reason why not', async () => {
    const columns = await app.platform.db.prisma.$queryRaw<{ name: string }[]>`
      select table_name || '.' || column_name as name
      from information_schema.columns join information_schema.tables using (table_schema, table_name)
      where table_schema = 'public' and table_type = 'BASE TABLE'`;
    const known = tableParts.flatMap(({ table, columns }) =>
      Object.keys(columns).map((column) => `${table}.${column}`),
    );
    const ofUsers = columns.map(({ name }) => name).filter((name) => !((name.split('.')[0] ?? '') in tablesOfNobody));
    expect(ofUsers.toSorted()).toEqual([...new Set(known)].toSorted());
  });

  test.each(tableParts)('of $table by $owner is in its file, value by value', async (part) => {
    const rows = await rowsOf(part);
    expect(rows.length).toBeGreaterThan(0);
    for (const { name, path } of placed(part.columns)) {
      const stored = rows.map((row) => comparable(row[name]));
      expect([name, stored.some((value) => value !== 'null')]).toEqual([name, true]);
      expect([name, valuesIn(part, path).map(comparable).toSorted()]).toEqual([name, stored.toSorted()]);
    }
  });

  async function rowsOf({ table, owner: column }: TablePart): Promise<Record<string, unknown>[]> {
    const sql = `select to_jsonb(part) as row from ${table} part where ${column} = $1`;
    const rows = await app.platform.db.prisma.$queryRawUnsafe<{ row: Record<string, unknown> }[]>(sql, owner.id);
    return rows.map(({ row }) => row);
  }

  /** As text, with instants and ids as the API writes them. */
  const comparable = (value: unknown): string => {
    if (typeof value !== 'string') return JSON.stringify(value ?? null);
    if (/^\d{4}-\d\d-\d\dT[\d:.]+(\+00:00|Z)$/.test(value)) return new Date(value).toISOString();
    return value.replace(/^(event|picture)_/, '');
  };
});

describe('every field that the API shows its owner', () => {
  test('has its place in the export, or a reason why not', () => {
    const known = typeParts.flatMap(({ type, fields }) => Object.keys(fields).map((field) => `${type}.${field}`));
    expect(fieldsBelow(schema, 'User').toSorted()).toEqual(known.toSorted());
  });

  test.each(typeParts.filter(({ fields }) => placed(fields).length > 0))(
    'of $type is in its file, value by value',
    async (part) => {
      const fields = placed(part.fields);
      const shown = await ask(part, fields.map(({ name }) => name).join(' '));
      expect(shown.length).toBeGreaterThan(0);
      for (const { name, path } of fields) {
        expect([name, shown.some((row) => row[name] !== null)]).toEqual([name, true]);
        expect([name, sorted(valuesIn(part, path))]).toEqual([name, sorted(shown.map((row) => row[name]))]);
      }
    },
  );

  test.each(Object.entries(peopleLists))('people in `%s` are in %s.json, with when it was', async (list, file) => {
    const selection = '{ edges { since node { id username } } }';
    const { me } = await owner.query<{ me: { list: { edges: { since: string; node: object }[] } } }, object>(
      `{ me { list: ${list}(first: 100) ${selection} } }`,
    );
    expect(archive.json(file)).toEqual(me.list.edges.map(({ since, node }) => ({ ...node, since })));
    expect(archive.json(file)).toHaveLength(1);
  });

  /** What the API answers for a part, object by object. */
  async function ask({ from, isList }: TypePart, selection: string): Promise<Record<string, unknown>[]> {
    const path = from === '' ? [] : from.split('.');
    const frame = isList ? `(first: 100) { edges { node { ${selection} } } }` : `{ ${selection} }`;
    const query = `{ me ${path.map((name) => `{ ${name}`).join(' ')} ${frame} ${'}'.repeat(path.length)} }`;
    const { me } = await owner.query<{ me: unknown }, object>(query);
    const answer = from === '' ? me : valueAt(me, from);
    const rows = isList ? (answer as { edges: { node: object }[] }).edges.map(({ node }) => node) : [answer].flat();
    return rows as Record<string, unknown>[];
  }

  const sorted = (values: unknown[]) => values.map((value) => JSON.stringify(value ?? null)).toSorted();
});

/** Every field of every object that is reached from a type without passing a user, but the frames of lists. */
function fieldsBelow(inSchema: GraphQLSchema, name: string): string[] {
  const reached = new Set<GraphQLObjectType>();
  const reach = (type: unknown): void => {
    if (!isObjectType(type) || reached.has(type)) return;
    reached.add(type);
    for (const field of Object.values(type.getFields())) {
      const below = getNamedType(field.type);
      if (isCompositeType(below)) reach(below);
    }
  };
  reach(inSchema.getType(name));
  return [...reached].flatMap((type) => {
    const frame = Object.entries(frameFields).find(([suffix]) => type.name.endsWith(suffix));
    const fields = Object.keys(type.getFields()).filter((field) => !frame?.[1].includes(field));
    return fields.map((field) => `${type.name}.${field}`);
  });
}
