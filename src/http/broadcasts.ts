import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createSourceEventStream, type ExecutionArgs, execute, getOperationAST } from 'graphql';
import type { Context, RequestFacts } from '../graphql/context.ts';
import { assertWithinLimits } from '../graphql/limits.ts';
import { maskError } from '../graphql/masking.ts';
import { readShareable, type Shareable } from '../graphql/shareable.ts';
import { isDatabaseAway, revisionOf, UserStream, waitForDatabase } from '../modules/user/live.ts';
import { createUserLoader } from '../modules/user/loaders.ts';
import { readShared, type SharedState } from '../modules/user/shared-reads.ts';
import type { Audience, Follow } from '../platform/change-stream.ts';
import type { Database } from '../platform/database.ts';
import type { DeletedUsers } from '../platform/deleted-users.ts';
import type { Log } from '../platform/log.ts';
import type { Authenticated } from './authentication.ts';
import { type Group, Member } from './broadcast-member.ts';
import { toFace } from './error-face.ts';
import { toBytes } from './websocket-frame.ts';
import type { Outlet } from './websocket-outlet.ts';

/** Sends in one go: some milliseconds, after which others have their turn. */
const sendsAtOnce = 500;
/** Users who are read and told of in one go, for the same reason. */
const usersAtOnce = 200;

export interface BroadcastOptions {
  db: Pick<Database, 'query'>;
  toContext(authenticated: Authenticated, request: RequestFacts): Context;
  deletedUsers: DeletedUsers;
  log: Log;
}

/** A subscription that asks to begin, found valid. */
export interface Asking {
  /** The client's name of the operation. */
  id: string;
  query: string;
  args: ExecutionArgs & { contextValue: Context };
  outlet: Outlet;
}

export interface Broadcasts {
  /**
   * Begins a subscription whose messages others get too. Null where they are its own, or where something is wrong with it:
   * the engine, which runs it then, says what.
   */
  open(asking: Asking): Promise<Member | null>;
}

/** A turn that has come: what is to be told is at least this new. */
interface News {
  member: Member;
  follow: Follow;
  revision: number;
}

/**
 * Subscriptions of which the messages are the same are a group: for each change the user is read once, the operation runs once
 * a group, and all get the same bytes.
 */
export function createBroadcasts(options: BroadcastOptions): Broadcasts {
  const groups = new Map<string, Group>();
  /** Those who wait for theirs, in the order in which they came. */
  const turns = new Map<Follow, Member>();
  let isRunning = false;

  const run = async () => {
    isRunning = true;
    while (turns.size > 0) {
      // What is announced together is told together.
      await nextTurn();
      await tellAll(gather(turns), options);
    }
    isRunning = false;
  };
  const onTurn = (member: Member, follow: Follow) => {
    turns.set(follow, member);
    if (!isRunning) void run();
  };
  const onEnd = ({ group }: Member) => {
    group.memberCount -= 1;
    if (group.memberCount === 0) groups.delete(group.key);
  };
  const groupOf = (asking: Asking, shareable: Shareable): Group => {
    const key = toKey(asking, shareable);
    const group = groups.get(key) ?? { key, args: { ...asking.args, contextValue: null }, memberCount: 0 };
    group.memberCount += 1;
    groups.set(key, group);
    return group;
  };

  return {
    async open(asking) {
      const shareable = readIfShareable(asking);
      const source = shareable && (await begin(asking));
      if (!source) return null;
      const { id, outlet, args } = asking;
      const viewerId = args.contextValue.viewer?.id ?? null;
      const member = new Member({ group: groupOf(asking, shareable), viewerId, id, outlet, source, onTurn, onEnd });
      source.changes.pushTo(member);
      return member;
    },
  };
}

/** What an administrator reads is written down for each of them. */
function readIfShareable({ args: { schema, document, operationName, contextValue } }: Asking): Shareable | null {
  const operation = getOperationAST(document, operationName);
  if (operation?.operation !== 'subscription' || contextValue.viewer?.isAdministrator) return null;
  return readShareable(schema, document, operation);
}

async function begin({ args }: Asking): Promise<UserStream | null> {
  const operation = getOperationAST(args.document, args.operationName);
  if (!operation) return null;
  try {
    assertWithinLimits(args.schema, args.document, operation, args.variableValues ?? {});
    const source = await createSourceEventStream(args);
    return source instanceof UserStream ? source : null;
  } catch {
    return null;
  }
}

function toKey({ query, args: { operationName, variableValues } }: Asking, shareable: Shareable): string {
  const variables = Object.fromEntries([...shareable].map((name) => [name, variableValues?.[name]]));
  return JSON.stringify([operationName, variables, query]);
}

/** Tells everybody whose turn it is, and never fails. */
async function tellAll(news: ReadonlyMap<Audience, News[]>, { db, toContext, deletedUsers, log }: BroadcastOptions) {
  const requestId = randomUUID();
  try {
    // The records are nobody's, and so is the context: whoever shows more of it than all may see shows nothing.
    const nobody = { viewer: null, users: createUserLoader(db, null), expiresAtMs: null };
    const context = toContext(nobody, { requestId, userAgent: null, viewAs: null });
    const asked = Array.from(news, ([{ userId }, those]) => ({ userId, viewerIds: () => viewerIdsOf(those) }));
    const states = await readShared({ db, liveUsers: context.liveUsers }, asked);
    const pace = { sends: 0 };
    for (const [{ userId }, those] of news) {
      const state = states.get(userId);
      if (state) await tell(state, those, { context, deletedUsers, pace });
    }
  } catch (error) {
    const missed = [...news.values()].flat();
    if (!isDatabaseAway(error)) return failAll(missed, maskError(error, { requestId, log }));
    await waitForDatabase();
    for (const { follow, revision } of missed) follow.offer(revision);
  }
}

/** Takes what waits, by whom it is about. Who can't be sent anything yet costs no reading, and is back when they can. */
function gather(turns: Map<Follow, Member>): Map<Audience, News[]> {
  const news = new Map<Audience, News[]>();
  for (const [follow, member] of turns) {
    const those = news.get(follow.audience);
    if (!those && news.size === usersAtOnce) break;
    turns.delete(follow);
    const revision = member.isReady ? follow.take() : null;
    if (!member.isReady) member.wake(follow);
    if (revision === null) continue;
    if (those) those.push({ member, follow, revision });
    else news.set(follow.audience, [{ member, follow, revision }]);
  }
  return news;
}

function* viewerIdsOf(news: readonly News[]): Iterable<string> {
  for (const { member } of news) if (member.viewerId !== null) yield member.viewerId;
}

function failAll(news: readonly News[], error: Error): void {
  for (const { member } of news) member.fail(error);
}

async function tell(
  { user, isHiddenFrom }: SharedState,
  news: readonly News[],
  { context, deletedUsers, pace }: { context: Context; deletedUsers: DeletedUsers; pace: { sends: number } },
): Promise<void> {
  const payloads = new Map<Group, string>();
  for (const { member, follow } of news) {
    const { group, viewerId, source } = member;
    const revision = revisionOf[source.topic](user);
    if (revision === null || member.isEnded || deletedUsers.has(viewerId) || isHiddenFrom(viewerId)) continue;
    // Whoever hasn't taken the message before gets the state that there is when they have.
    if (!member.isReady) {
      follow.offer(revision);
      continue;
    }
    const payload = payloads.get(group) ?? toBytes(await toPayload(group, user, context));
    payloads.set(group, payload);
    if (follow.deliver(revision)) member.send(payload);
    pace.sends += 1;
    if (pace.sends % sendsAtOnce === 0) await nextTurn();
  }
}

async function toPayload({ args }: Group, rootValue: unknown, contextValue: Context): Promise<string> {
  const { data, errors } = await execute({ ...args, rootValue, contextValue });
  if (!errors) return JSON.stringify({ data });
  const { requestId, log } = contextValue;
  const faces = errors.map((error) => toFace(maskError(error, { requestId, log, isPartial: data != null })));
  return JSON.stringify({ errors: faces, data });
}
