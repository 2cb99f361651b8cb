import { afterAll, beforeAll, expect, test } from 'vitest';
import { deletedAmong } from '../src/modules/user/queries.ts';
import { createTestApp, type TestApp } from './support/app.ts';
import { type ClerkApi, createClerkApi } from './support/clerk-api.ts';
import type { ClerkUserInput, ClerkUserJson } from './support/clerk-users.ts';
import type { ClerkDelivery } from './support/clerk-webhooks.ts';
import { withToken } from './support/identity.ts';
import { type Happening, happenings, type Sequence, type Step, toSequences } from './support/identity-sequences.ts';
import { asPerson } from './support/person.ts';

// Whatever Clerk tells of a user arrives in any order, once or twice, at once, and with requests of the user's between: in
// the end all is the same.

const sequenceCount = 1_000;
/** Sequences under way at the same moment. */
const width = 8;

let clerk: ClerkApi;
/** One that asks Clerk who a new user is, and one that has no key to ask with. */
let servers: TestApp[];
beforeAll(async () => {
  clerk = await createClerkApi();
  const asking = await createTestApp({ env: clerk.env });
  const env = { CLERK_WEBHOOK_SIGNING_SECRET: clerk.webhookSecret };
  servers = [asking, await createTestApp({ beside: asking, env })];
});
afterAll(async () => {
  for (const server of servers.toReversed()) await server.close();
  await clerk.close();
});

const bornAt = Date.UTC(2026, 0, 1);
const timeOf = (happening: Happening) => new Date(bornAt + happenings.indexOf(happening));

/** What changes in Clerk. All users have one address; the last change takes the username away. */
const changes = (index: number): Record<Exclude<Happening, 'deleted'>, ClerkUserInput> => ({
  created: { username: `first${index}`, email: 'ada@example.com', firstName: 'Ada', createdAt: timeOf('created') },
  updated: { username: `second${index}`, lastName: 'Byron' },
  updatedAgain: { username: null, lastName: 'King', imageUrl: 'https://img.clerk.com/ada' },
});

/** Does in Clerk what a set tells of, and answers the user as each webhook of it has them. */
function happen(set: Happening[], index: number): Map<Happening, ClerkUserJson> {
  const { created, ...later } = changes(index);
  const user = clerk.addUser({ ...created, updatedAt: timeOf('created') });
  const states = new Map<Happening, ClerkUserJson>([['created', user]]);
  for (const happening of happenings.slice(1, happenings.indexOf(set.at(-1) as Happening) + 1)) {
    if (happening === 'deleted') clerk.removeUser(user.id);
    else if (happening !== 'created') {
      states.set(happening, clerk.changeUser(user.id, { ...later[happening], updatedAt: timeOf(happening) }));
    }
  }
  return states.set('deleted', user);
}

/** What a set comes to: nobody, or the newest state with the newest username. */
function toEnd(set: Happening[], index: number) {
  if (set.includes('deleted')) return { isDeleted: true, user: null, parts: 0 };
  const newest = set.at(-1) as Happening;
  const username = set.includes('updated') ? `second${index}` : set.includes('created') ? `first${index}` : null;
  const isLast = newest === 'updatedAgain';
  return {
    isDeleted: false,
    user: {
      username,
      email: 'ada@example.com',
      firstName: 'Ada',
      lastName: isLast ? 'King' : newest === 'updated' ? 'Byron' : null,
      clerkImageUrl: isLast ? 'https://img.clerk.com/ada' : null,
      clerkUsername: username,
      clerkUpdatedAtMs: timeOf(newest).getTime(),
    },
    parts: 3,
  };
}

/** What is left of each user; `parts` counts profile, preferences and privacy. */
const readEnds = (userIds: string[]) =>
  (servers[0] as TestApp).platform.db.query<ReturnType<typeof toEnd>>(
    {
      name: 'read_ends',
      text: `
select deleted."userId" is not null as "isDeleted", case when users.id is not null then json_build_object(
    'username', username, 'email', email, 'firstName', first_name, 'lastName', last_name,
    'clerkImageUrl', clerk_image_url, 'clerkUsername', clerk_username,
    'clerkUpdatedAtMs', extract(epoch from clerk_updated_at) * 1000) end as user,
  (profiles.user_id is not null)::int + (preferences.user_id is not null)::int + (privacy.user_id is not null)::int as parts
from unnest($1::text[]) with ordinality as asked (id, ordinal)
left join (${deletedAmong.text}) deleted on deleted."userId" = asked.id
left join users on users.id = asked.id
left join profiles on profiles.user_id = asked.id
left join preferences on preferences.user_id = asked.id
left join privacy on privacy.user_id = asked.id
order by ordinal`,
    },
    [userIds],
  );

/** Runs a sequence at both servers, step by step in turn, and answers what was asked of them and not granted. */
async function run({ set, batches }: Sequence, index: number): Promise<{ userId: string; refusals: string[] }> {
  const states = happen(set, index);
  const userId = (states.get('created') as ClerkUserJson).id;
  const sent = new Map<Happening, ClerkDelivery>();
  const { token } = await withToken(servers[0] as TestApp, userId);
  let turn = index;

  const take = async (step: Step): Promise<string[]> => {
    const server = servers[turn++ % servers.length] as TestApp;
    if (step === 'request') {
      const { status } = await asPerson(server, userId, token).ask('{ me { id } }');
      const isRight = status === 200 || (status === 401 && set.includes('deleted'));
      return isRight ? [] : [`request: ${status}`];
    }
    const { webhook, isReplay } = step;
    const type = `user.${webhook === 'updatedAgain' ? 'updated' : webhook}`;
    const before = isReplay ? sent.get(webhook) : undefined;
    const delivery = before ?? clerk.webhook(type, states.get(webhook) as ClerkUserJson);
    sent.set(webhook, delivery);
    const { status, text } = await clerk.deliver(server, delivery);
    return status === 200 ? [] : [`${webhook}: ${status} ${text}`];
  };
  const refusals: string[] = [];
  for (const batch of batches) refusals.push(...(await Promise.all(batch.map(take))).flat());
  return { userId, refusals };
}

test('the order of what arrives decides nothing', { timeout: 300_000 }, async () => {
  const sequences = toSequences(sequenceCount);
  const userIds: string[] = [];
  const queue = [...sequences.entries()];
  const work = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const [index, sequence] = next;
      const { userId, refusals } = await run(sequence, index);
      expect({ ...sequence, refusals }).toEqual({ ...sequence, refusals: [] });
      userIds[index] = userId;
    }
  };
  const t0 = process.cpuUsage(); const w0=Date.now(); await Promise.all(Array.from({ length: width }, work)); const c1 = process.cpuUsage(t0); console.log('sequences', c1, Date.now()-w0);

  const { prisma } = (servers[0] as TestApp).platform.db;
  const closed = () => prisma.user.count({ where: { closedAt: { not: null } } });
  await expect.poll(closed, { timeout: 120_000 }).toBe(0);
  console.log('erased', process.cpuUsage(t0), Date.now()-w0); const counts = new Map(); for (const s of servers) for (const sql of (s as any).takeStatements()) { const k = sql.trim().slice(0, 60); counts.set(k, (counts.get(k) ?? 0) + 1); } console.log([...counts].sort((a, b) => b[1] - a[1]).slice(0, 60).map(([k, n]) => n + ' ' + k.replace(/\s+/g,' ')).join('\n'));
  for (const [index, end] of (await readEnds(userIds)).entries()) {
    const sequence = sequences[index] as Sequence;
    expect({ ...sequence, end }).toEqual({ ...sequence, end: toEnd(sequence.set, index) });
  }
});

test('every set, order and style is among what was tried', () => {
  const sequences = toSequences(sequenceCount);
  expect(sequences).toHaveLength(sequenceCount);
  expect(sequences).toEqual(toSequences(sequenceCount));
  expect(new Set(sequences.map(({ set }) => set.join())).size).toBe(15);
  const oneByOne = sequences.filter(({ batches }) =>
    batches.every((batch) => batch.length === 1 && batch[0] !== 'request'),
  );
  const orders = oneByOne.map(({ batches }) => batches.map(([step]) => (step as { webhook: string }).webhook).join());
  expect(new Set(orders.filter((order) => order.split(',').length === 4)).size).toBeGreaterThanOrEqual(24);
  expect(sequences.filter(({ batches }) => batches.some((batch) => batch.length > 1)).length).toBeGreaterThan(300);
});
