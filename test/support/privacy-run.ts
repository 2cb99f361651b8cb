import type { GraphQLSchema } from 'graphql';
import type { TestApp } from './app.ts';
import { type Answer, type Person, toMultipart } from './person.ts';
import { photo } from './pictures.ts';
import { mutationOf, type OwnChange, type Step } from './privacy-changes.ts';
import { compareAnswer, createTally, Expected, type Fields, type Tally } from './privacy-comparison.ts';
import { listen, type Told } from './privacy-live.ts';
import type { Looker, Path } from './privacy-paths.ts';
import { tracesOf } from './privacy-traces.ts';
import type { ViewerName, World } from './privacy-world.ts';
import { withFragments } from './schema-walk.ts';
import type { Socket } from './socket.ts';

/** Asks, and compares each answer with the model. */
export interface Run {
  tally: Tally;
  /** Goes a path, where it is for this viewer. */
  go(path: Path, viewer: Looker): Promise<void>;
  /** Goes one path after the other. */
  goAll(paths: Path[], viewer: Looker): Promise<void>;
  /** Lets every subscription tell of the owner: everybody together, then each administrator. */
  hear(sockets: Map<ViewerName, Socket>): Promise<void>;
  /** Changes how the owner and their guest stand to each other. */
  take(step: Step): Promise<void>;
  /** Lets the owner change something of theirs. */
  change(change: OwnChange): Promise<void>;
}

type Received = Pick<Answer<Fields | null>, 'status' | 'data' | 'errors'>;

interface Answered {
  /** By name: one of those who look at the owner, or the guest. */
  viewer: Looker | 'guest';
  by: string;
  rootType: string;
  data: Fields;
  expected: Fields;
  namesBlocked?: boolean;
}

export function createRun({ app, schema, world }: { app: TestApp; schema: GraphQLSchema; world: World }): Run {
  const tally = createTally();
  const { people } = world;
  const { owner, guest } = people;

  const documents = new Map<string, string>();
  const documentOf = (operation: string): string => {
    const document = documents.get(operation) ?? withFragments(schema, operation);
    documents.set(operation, document);
    return document;
  };
  const nameOf = (viewer: string, by: string) => {
    const { profile, watchHistory, ratings } = world.settingsOf(owner.id);
    return `profile ${profile}, watchHistory ${watchHistory}, ratings ${ratings}: ${viewer} by ${by}`;
  };
  const report = (difference: string) => tally.differences.push(difference);
  /** What came, if it is as right as can be told before it is looked at. */
  const dataOf = ({ status, data, errors }: Received, { name, isRefused }: { name: string; isRefused: boolean }) => {
    const codes = String(errors?.map(({ extensions }) => extensions.code) ?? '');
    const isAsWanted = status === 200 && codes === (isRefused ? 'UNAUTHENTICATED' : '') && !data === isRefused;
    if (!isAsWanted)
      report(`${name}: expected ${isRefused ? 'a refusal' : 'data'}, and got ${status} ${JSON.stringify(errors)}`);
    return data;
  };
  /** Answers what of whom the viewer read as an administrator, of which there should be entries in the audit logs. */
  const compare = ({ viewer, by, rootType, data, expected, namesBlocked }: Answered) => {
    const viewerId = world.viewerIdOf(viewer);
    const name = nameOf(viewer, by);
    const reads = new Map<string, Set<string>>();
    compareAnswer({ schema, people: world, viewerId, tally, name, reads }, rootType, data, expected);
    const unnamed = Object.values(people).filter(({ id }) => world.isBlocked(viewerId, id));
    // The owner's own list of blocked users stands in whatever leads to them.
    const isAllowed = namesBlocked || viewerId === owner.id || world.isAdministrator(viewerId);
    if (!isAllowed) tally.differences.push(...tracesOf(data, unnamed, name));
    return reads;
  };
  const compareReads = async (name: string, reads: Map<string, Set<string>>[]) => {
    const expected = reads.flatMap(toEntries).sort();
    const written = (await takeReads(app)).filter((entry) => !entry.startsWith(people.beacon.id)).sort();
    const isSame = JSON.stringify(written) === JSON.stringify(expected);
    if (!isSame) report(`${name}: expected in the audit logs ${expected.join('; ')}, and got ${written.join('; ')}`);
  };
  const compareTold = ({ viewer, field, updates, expected }: Told) => {
    if (updates.length !== expected.length) {
      report(`${nameOf(viewer, field)}: expected ${expected.length} updates, and got ${updates.length}`);
    }
    return updates.map((data, index) =>
      compare({ viewer, by: field, rootType: 'Subscription', data, expected: { [field]: expected[index] } }),
    );
  };
  const hearAmong = async (sockets: Map<ViewerName, Socket>) => {
    for await (const told of listen(app, { schema, world, sockets })) {
      await compareReads(nameOf([...sockets.keys()].join(), told[0]?.field ?? ''), told.flatMap(compareTold));
    }
  };

  const go = async (path: Path, viewer: Looker) => {
    if (path.isFor && !path.isFor(world, viewer)) return;
    const answer = await people[viewer].ask<Fields | null, object>(documentOf(path.operation), path.variables(world));
    const expected = path.expected(world, viewer);
    const data = dataOf(answer, { name: nameOf(viewer, path.name), isRefused: expected === null });
    const rootType = path.operation.startsWith('mutation') ? 'Mutation' : 'Query';
    if (!data || !expected) return;
    const reads = compare({ ...path, viewer, by: path.name, rootType, data, expected });
    if (world.isAdministrator(world.viewerIdOf(viewer))) await compareReads(nameOf(viewer, path.name), [reads]);
  };

  return {
    tally,
    go,
    async goAll(paths, viewer) {
      for (const path of paths) await go(path, viewer);
    },
    async hear(sockets) {
      const isAdministrator = (viewer: ViewerName) => world.isAdministrator(world.viewerIdOf(viewer));
      await hearAmong(new Map([...sockets].filter(([viewer]) => !isAdministrator(viewer))));
      // One at a time: what one of them reads is in the log that the next one reads.
      for (const entry of sockets) if (isAdministrator(entry[0])) await hearAmong(new Map([entry]));
    },
    async take({ field, by, note, expected }) {
      const [asking, other] = by === 'owner' ? [owner, guest] : [guest, owner];
      const answer = await asking.ask<Fields, object>(documentOf(mutationOf(field)), { id: other.id });
      note(world);
      await world.refresh([owner, guest]);
      const data = dataOf(answer, { name: nameOf(by, field), isRefused: false });
      if (data)
        compare({ viewer: by, by: field, rootType: 'Mutation', data, expected: expected(world), namesBlocked: true });
    },
    async change({ field, operation, expected }) {
      const document = documentOf(operation);
      const answer = await (field === 'uploadProfilePicture'
        ? upload(app, owner, document)
        : owner.ask<Fields, object>(document));
      await world.refresh([owner]);
      const data = dataOf(answer, { name: nameOf('owner', field), isRefused: false });
      const wanted = { [field]: new Expected(owner.id, expected(world.truthOf(owner.id))) };
      if (data) compare({ viewer: 'owner', by: field, rootType: 'Mutation', data, expected: wanted });
    },
  };
}

/** An upload whose answer is asked for everything. */
async function upload(app: TestApp, { token }: Person, document: string): Promise<Received> {
  const file = new File([new Uint8Array(await photo([95, 80]))], 'photo.jpg', { type: 'image/jpeg' });
  const init = { method: 'POST', headers: { authorization: `Bearer ${token}` }, body: toMultipart(document, {}, file) };
  const response = await app.fetch(new Request('http://visage.test/graphql', init));
  return { status: response.status, ...((await response.json()) as Pick<Received, 'data' | 'errors'>) };
}

/** What stands in the audit logs of administrators' reads, taken out: the truth must not move with each look at it. */
async function takeReads({ platform }: TestApp): Promise<string[]> {
  const rows = await platform.db.prisma.$queryRaw<{ userId: string; parts: string[] }[]>`
    delete from audit_entries where action = 'administrator.read' and actor = 'ADMINISTRATOR'
    returning user_id as "userId", changed_fields as parts`;
  return rows.map(({ userId, parts }) => toEntry(userId, parts));
}

const toEntries = (reads: Map<string, Set<string>>) =>
  Array.from(reads, ([userId, parts]) => toEntry(userId, [...parts]));
const toEntry = (userId: string, parts: string[]) => `${userId} ${parts.sort()}`;
