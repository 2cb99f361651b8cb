import type { Documents } from './documents.ts';

/** PostGraphile names things after tables and functions; aliases give them Visage's names. */
export const postgraphileDocuments: Documents = {
  me: `query Me { me: benchMe {
    id: rowId username displayName: name email pictureRevision
    profile: seenProfile {
      bio fieldOfStudy experienceLevel educationLevel yearsOfExperience skills preferredLocations
    }
    preferences: preferenceByUserId { theme language favoriteGenres adultContent }
    privacy: privacyByUserId { profile watchHistory ratings }
    picture { version thumbhash url(size: 128) }
  } }`,
  page: `query Page($username: String!) { user: benchUserByName(name: $username) {
    id: rowId username displayName: name
    profile: seenProfile { bio skills yearsOfExperience }
    followerCount: seenFollowerCount
    followers: seenFollowers(first: 20) {
      edges { node {
        since: createdAt
        node: userByFollowerId {
          id: rowId username displayName: name viewerFollow picture { version thumbhash url(size: 128) }
        }
      } }
      pageInfo { hasNextPage endCursor }
    }
    followingCount: seenFollowingCount
  } }`,
  events: `query Events($after: Cursor) { me: benchMe {
    events: eventsByUserId(first: 50, after: $after, orderBy: [OCCURRED_AT_DESC, ROW_ID_DESC]) {
      edges { node { id: rowId type movieId rating review occurredAt } } pageInfo { hasNextPage endCursor }
    }
  } }`,
  lastEvents: `query LastEvents($last: Int!) { me: benchMe {
    events: eventsByUserId(last: $last, orderBy: [OCCURRED_AT_DESC, ROW_ID_DESC]) { pageInfo { startCursor } }
  } }`,
  record: `mutation Record($input: BenchRecordEventInput!) { recordEvent: benchRecordEvent(input: $input) {
    result { id: rowId type movieId rating review occurredAt }
  } }`,
  follow: `mutation Follow($target: BenchFollowUserInput!) { follow: benchFollowUser(input: $target) {
    result { state since }
  } }`,
  unfollow: `mutation Unfollow($target: BenchUnfollowUserInput!) { unfollow: benchUnfollowUser(input: $target) {
    result { state since }
  } }`,
};

interface Row {
  id: string;
}

interface Edge {
  node: object;
}

type Connection = { edges: Edge[] } | undefined;

interface Answer {
  me?: { events?: Connection };
  user?: { followers: Connection; followerCount: number | null; followingCount: number | null } | null;
  recordEvent?: { result: Row };
  follow?: { result: object };
  unfollow?: { result: object };
}

/** What aliases can't do: where an edge has its own fields, what a mutation answers, and prefixes of ids. */
export function translatePostgraphile(data: unknown): unknown {
  const answer = data as Answer;
  if (answer.user) return { user: translateUser(answer.user) };
  if (answer.me?.events?.edges)
    return { me: { events: { ...answer.me.events, edges: answer.me.events.edges.map(toEvent) } } };
  if (answer.recordEvent) return { recordEvent: { __typename: 'Event', ...withPrefix(answer.recordEvent.result) } };
  const [name] = Object.keys(answer) as ['follow' | 'unfollow'];
  return answer[name]?.result ? { [name]: { __typename: 'Follow', ...answer[name].result } } : answer;
}

const translateUser = ({ followers, followerCount, followingCount, ...user }: NonNullable<Answer['user']>) => ({
  ...user,
  // An edge of Visage's is what PostGraphile has as the edge's node: the row of the follow.
  followers: { totalCount: followerCount, ...followers, edges: followers?.edges.map(({ node }) => node) },
  following: { totalCount: followingCount },
});

const withPrefix = (row: Row) => ({ ...row, id: `event_${row.id}` });
const toEvent = ({ node }: Edge) => ({ node: withPrefix(node as Row) });
