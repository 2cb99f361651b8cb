import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { completionFields, completionOf } from '../src/modules/profile/completion.ts';
import { filledFieldsMigration, filledFieldsOf, filledInSql } from '../src/modules/profile/completion-sql.ts';
import { completionCounts, countsByDay } from '../src/modules/profile/stats-queries.ts';
import { applyMigrations } from '../src/platform/migrations.ts';
import { administratorEnv, createAdministrator } from './support/administrator.ts';
import { createTestApp, randomId, type TestApp } from './support/app.ts';
import { createDatabase } from './support/database.ts';
import { createPerson, type Person } from './support/person.ts';
import { explain, planModes } from './support/plans.ts';
import { countFromScratch, readStats } from './support/profile-counts.ts';
import { insertProfile, randomFacts } from './support/profiles.ts';
import { withClient } from './support/search.ts';

/** A server that nobody else asks, since these count everybody. */
let app: TestApp;
let administrator: Person;
beforeEach(async () => {
  app = await createTestApp({ env: administratorEnv });
  administrator = await createAdministrator(app);
});
afterEach(() => app.close());

const expectRight = async () => expect(await readStats(administrator)).toEqual(await countFromScratch(app));

describe('the rules of completion in the database', () => {
  const advice = `src/modules/profile/completion.ts and the database's filled_fields differ. Bring completion-sql.ts into line, its new
fields last, and write a new migration with what it makes of them:\n\n${filledFieldsMigration}`;

  test('are about the same fields', () => {
    expect(Object.keys(filledInSql).toSorted(), advice).toEqual(completionFields.map(({ name }) => name).toSorted());
  });

  test('are those that the last migration wrote', async () => {
    const [row] = await app.platform.db.prisma.$queryRaw<{ body: string }[]>`
      select prosrc as body from pg_proc where proname = 'filled_fields'`;
    expect(filledFieldsMigration.includes(row?.body ?? 'no function'), advice).toBe(true);
  });

  test('judge whatever a profile may hold as the server does', async () => {
    const { prisma } = app.platform.db;
    const facts = fc.sample(randomFacts, 150);
    const ids = await Promise.all(facts.map((some) => insertProfile(app, some)));
    const states = await prisma.completionState.findMany({ where: { userId: { in: ids } } });
    const filledBy = new Map(states.map(({ userId, filled }) => [userId, filledFieldsOf(filled)]));
    const differences = facts.flatMap((some, index) => {
      const { missingFields } = completionOf(some);
      const filled = new Set(filledBy.get(ids[index] as string));
      const missing = completionFields.map(({ name }) => name).filter((name) => !filled.has(name));
      return missing.join() === missingFields.join() ? [] : [{ some, missing, missingFields }];
    });
    expect(differences, advice).toEqual([]);
  });
});

describe('counts', () => {
  test('are those of everybody after many changes at once, by two servers, of the same people', async () => {
    const other = await createTestApp({ beside: app, env: administratorEnv });
    onTestFinished(() => other.close());
    const people = await Promise.all(Array.from({ length: 6 }, () => createPerson(app)));
    const ids = await Promise.all(fc.sample(randomFacts, 10).map((some) => insertProfile(app, some)));
    const { prisma } = app.platform.db;
    const changes: fc.Arbitrary<() => Promise<unknown>> = fc.oneof(
      fc
        .tuple(fc.constantFrom(...people), fc.constantFrom(null, 'text'), fc.boolean())
        .map(([person, text, isLong]) => async () => {
          const at = isLong ? other : app;
          const query = 'mutation ($input: UpsertProfileInput!) { upsertProfile(input: $input) { __typename } }';
          const input = isLong ? { bio: text, skills: text ? [text] : [] } : { displayName: text, salary: null };
          await askAt(at, person, query, { input });
        }),
      fc.constantFrom(...people).map((person) => async () => {
        await askAt(other, person, 'mutation { markProfileComplete { __typename } }');
      }),
      fc
        .constantFrom(...people)
        .map((person) => () => person.upsertProfile({ username: `n${randomId().slice(0, 16)}` }).catch(() => null)),
      fc.tuple(fc.constantFrom(...ids), fc.boolean()).map(
        ([userId, isActive]) =>
          () =>
            prisma.picture.updateMany({ where: { userId }, data: { isActive } }),
      ),
      fc
        .tuple(
          fc.constantFrom(...ids),
          fc.nat(300).map((days) => new Date(Date.now() - days * 86_400_000)),
        )
        .map(
          ([id, createdAt]) =>
            () =>
              prisma.user.updateMany({ where: { id }, data: { createdAt } }),
        ),
      fc.constantFrom(...ids).map((id) => () => prisma.user.deleteMany({ where: { id } })),
      fc.constant(() => createPerson(app)),
    );
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        for (const change of fc.sample(changes, 25)) await change();
      }),
    );
    await expectRight();
  }, 60_000);

  const askAt = async (server: TestApp, { token }: Person, query: string, variables: object = {}) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ query, variables });
    await server.fetch(new Request('http://visage.test/graphql', { method: 'POST', headers, body }));
  };

  test('take away what a deleted user was counted for', async () => {
    const before = await readStats(administrator);
    const ids = await Promise.all(fc.sample(randomFacts, 20).map((some) => insertProfile(app, some)));
    const { prisma } = app.platform.db;
    await prisma.profile.updateMany({ where: { userId: { in: ids } }, data: { completedAt: new Date() } });
    expect((await readStats(administrator)).completeProfiles).toBe(20);
    await prisma.user.deleteMany({ where: { id: { in: ids } } });
    expect(await readStats(administrator)).toEqual(before);
  });

  test('are right of somebody whose username and profile change at the same moment', async () => {
    const ada = await createPerson(app);
    await withClient(app, (first) =>
      withClient(app, async (second) => {
        await first.query('begin');
        await first.query('update users set username = $2 where id = $1', [ada.id, `n${randomId().slice(0, 12)}`]);
        const { pid } = (await second.query('select pg_backend_pid() as pid')).rows[0];
        const later = second.query(`update profiles set bio = 'x' where user_id = $1`, [ada.id]);
        await vi.waitFor(
          async () => {
            const { rows } = await first.query(`select from pg_locks where pid = $1 and not granted`, [pid]);
            expect(rows).toHaveLength(1);
          },
          { timeout: 20_000 },
        );
        await first.query('commit');
        await later;
      }),
    );
    const state = await app.platform.db.prisma.completionState.findUniqueOrThrow({ where: { userId: ada.id } });
    expect(filledFieldsOf(state.filled)).toEqual(expect.arrayContaining(['username', 'bio']));
    await expectRight();
  });

  test('of those who were there before anything was counted are right', async () => {
    const { connectionString, drop } = await createDatabase({ empty: true });
    const folder = await mkdtemp(join(tmpdir(), 'visage-migrations-'));
    onTestFinished(async () => {
      await drop();
      await rm(folder, { recursive: true });
    });
    const all = join(import.meta.dirname, '../prisma/migrations');
    const earlier = (await readdir(all)).filter((name) => name < '20261121000004' && /^\d/.test(name));
    for (const name of earlier) await cp(join(all, name), join(folder, name), { recursive: true });
    await applyMigrations({ connectionString, folder });
    const client = new pg.Client({ connectionString });
    await client.connect();
    await client.query(
      `insert into users (id, username, created_at) values ('user_1', 'early', '2026-01-02T00:00Z'), ('user_2', null, now())`,
    );
    await applyMigrations({ connectionString, folder: all });
    const { rows } = await client.query(completionCounts.text);
    const changes = await client.query('select from profile_count_changes');
    await client.end();
    expect(rows.map(({ filled, users }) => [filledFieldsOf(filled).includes('username'), users]).toSorted()).toEqual([
      [false, 1],
      [true, 1],
    ]);
    expect(changes.rows).toEqual([]);
  });
});

describe('what was appended is folded', () => {
  /** Changes of one user, one statement each, every one of which is counted. */
  const changeOften = (client: pg.Client, id: string, times: number) =>
    client.query(`do $$ begin
      for n in 1..${times} loop
        update profiles set bio = case when n % 2 = 0 then null else 'x' end where user_id = '${id}';
      end loop;
    end $$`);

  test('by the way, by whoever comes along, so that a read stays small', async () => {
    const people = await Promise.all(Array.from({ length: 3 }, () => createPerson(app)));
    await Promise.all(people.map(({ id }) => withClient(app, (client) => changeOften(client, id, 1_001))));
    await expectRight();
    await withClient(app, async (client) => {
      // Of those who come at the same time one folds, and what the others append meanwhile is left to the next.
      await changeOften(client, (people[0] as Person).id, 501);
      const { rows } = await client.query(
        `select count(*)::int as left, max(id)::int as made from profile_count_changes`,
      );
      expect(rows[0].made).toBeGreaterThan(6_000);
      expect(rows[0].left).toBeLessThan(3_000);
      for (const mode of planModes) {
        for (const [statement, values] of [
          [completionCounts, []],
          [countsByDay, [365]],
        ] as const) {
          const steps = await explain(client, statement, [...values], mode);
          const tables = new Set(steps.flatMap(({ table }) => table ?? []));
          expect([...tables].toSorted()).toEqual(['profile_count_changes', 'profile_counts']);
          expect(Math.max(...steps.map(({ rows: read, removed }) => read + removed))).toBeLessThan(4_000);
        }
      }
    });
  });

  test('by one at a time, and nobody waits for another', async () => {
    const ada = await createPerson(app);
    await withClient(app, (first) =>
      withClient(app, async (second) => {
        await first.query('begin');
        await first.query('select fold_profile_counts()');
        await second.query(`set lock_timeout = '5s'`);
        await changeOften(second, ada.id, 1_001);
        await second.query('select fold_profile_counts()');
        await expectRight();
        await first.query('commit');
        await second.query('select fold_profile_counts()');
        expect((await second.query('select from profile_count_changes')).rows).toEqual([]);
      }),
    );
    await expectRight();
  });

  test('and unfolded again where the change is taken back', async () => {
    const ada = await createPerson(app);
    await withClient(app, async (client) => {
      await client.query('begin');
      await changeOften(client, ada.id, 1_001);
      await client.query('rollback');
    });
    await expectRight();
  });
});
