import { Expected, type Fields, present } from './privacy-comparison.ts';
import { isBlocked, type Looker, type Path, pictureState } from './privacy-paths.ts';
import type { World } from './privacy-world.ts';

const notFound = { __typename: 'NotFoundError', message: present };

/** A follow as the mutation left it. */
function followAnswer(world: World, follower: string, target: string): Fields {
  const isAsked = world.requested(follower, target);
  const state = world.follows(follower, target) ? 'FOLLOWING' : isAsked ? 'REQUESTED' : 'NONE';
  const since = state === 'NONE' ? null : present;
  return { __typename: 'Follow', follower: world.truthOf(follower), state, target: world.truthOf(target), since };
}

/** A mutation that names a user, with all that its answer can tell. */
export const mutationOf = (field: string) => {
  const result = field.includes('block') ? 'BlockResult' : 'FollowResult';
  return field === 'follow' || field === 'unfollow'
    ? `mutation ($id: ID!) { ${field}(target: { userId: $id }) { ...${result}_2 } }`
    : `mutation ($id: ID!) { ${field}(userId: $id) { ...${result}_2 } }`;
};

/** Mutations that name a user, and the viewers for whom there is nothing left to change. */
const settled: Record<string, Looker[]> = {
  follow: ['requester', 'follower'],
  unfollow: ['stranger', 'administrator'],
  removeFollower: ['stranger', 'follower', 'administrator'],
  acceptFollowRequest: [],
  declineFollowRequest: [],
  blockUser: ['blocking'],
  unblockUser: ['stranger', 'requester', 'follower', 'administrator'],
};

export const mutationNames = Object.keys(settled);

/** Mutations of the owner that change nothing, so that everybody can ask for them under the same settings. */
export const settledChanges: Path[] = Object.entries(settled).map(([field, viewers]) => ({
  name: field,
  operation: mutationOf(field),
  variables: ({ people }) => ({ id: people.owner.id }),
  isFor: (world, viewer) =>
    viewer === 'anonymous' || isRefused(world, viewer, field) || (viewers.includes(viewer) && isSettled(world, viewer)),
  expected: (world, viewer) => {
    if (viewer === 'anonymous') return null;
    return { [field]: viewers.includes(viewer) ? settledAnswer(world, viewer, field) : notFound };
  },
  namesBlocked: true,
}));

/** Where the profile is PUBLIC, whoever asks a second time follows. */
const isSettled = ({ people: { owner }, settingsOf }: World, viewer: Looker) =>
  viewer !== 'requester' || settingsOf(owner.id).profile !== 'PUBLIC';

/** Whoever blocks the owner can still unblock them. */
const isRefused = (world: World, viewer: Looker, field: string) =>
  isBlocked(world, viewer) && !(field === 'unblockUser' && viewer === 'blocking');

function settledAnswer(world: World, viewer: Looker, field: string): unknown {
  const { owner, [viewer]: asking } = world.people;
  if (field.includes('block') || field.includes('Block')) return namedOnly(world);
  return field === 'removeFollower'
    ? followAnswer(world, owner.id, asking.id)
    : followAnswer(world, asking.id, owner.id);
}

const namedOnly = ({ people: { owner }, truthOf }: World) =>
  new Expected(owner.id, truthOf(owner.id), { isNamedOnly: true });

/** A change between the owner and their guest. */
export interface Step {
  field: string;
  by: 'guest' | 'owner';
  /** What it leaves behind, for the world to note. */
  note(world: World): void;
  expected(world: World): Fields;
}

const asFollow = (field: string, by: Step['by'], follower: Step['by'], note: Step['note']): Step => ({
  field,
  by,
  note,
  expected: (world) => {
    const [one, other] = follower === 'guest' ? (['guest', 'owner'] as const) : (['owner', 'guest'] as const);
    return { [field]: followAnswer(world, world.people[one].id, world.people[other].id) };
  },
});

const asBlock = (field: string, change: 'block' | 'unblock'): Step => ({
  field,
  by: 'guest',
  note: ({ people, relate }) => relate(change, people.guest, people.owner),
  expected: (world) => ({ [field]: namedOnly(world) }),
});

const ownerDoes = (change: 'follow' | 'request' | 'nothing') => (world: World) =>
  world.relate(change, world.people.owner, world.people.guest);
const guestDoes = (change: 'follow' | 'nothing') => (world: World) =>
  world.relate(change, world.people.guest, world.people.owner);

/** The profile is PUBLIC, or what the guest asked for waits. */
function guestAsks(world: World): void {
  const isPublic = world.settingsOf(world.people.owner.id).profile === 'PUBLIC';
  world.relate(isPublic ? 'follow' : 'request', world.people.guest, world.people.owner);
}

/** Begins with the owner's request to the guest, goes through whatever two can do with each other, and ends there. */
export const story: Step[] = [
  asFollow('acceptFollowRequest', 'guest', 'owner', ownerDoes('follow')),
  asFollow('removeFollower', 'guest', 'owner', ownerDoes('nothing')),
  asFollow('follow', 'owner', 'owner', ownerDoes('request')),
  asFollow('declineFollowRequest', 'guest', 'owner', ownerDoes('nothing')),
  asFollow('follow', 'guest', 'guest', guestAsks),
  asFollow('unfollow', 'guest', 'guest', guestDoes('nothing')),
  asBlock('blockUser', 'block'),
  asBlock('unblockUser', 'unblock'),
  asFollow('follow', 'owner', 'owner', ownerDoes('request')),
];

/** A change that the owner makes of their own things. */
export interface OwnChange {
  field: string;
  operation: string;
  /** From what the owner sees of themselves after it. */
  expected(owner: Fields): unknown;
}

const change = (call: string, result: string, expected: OwnChange['expected']): OwnChange => ({
  field: call.replace(/\(.*/, ''),
  operation: `mutation { ${call} { ...${result}_2 } }`,
  expected,
});

const newestEvent = ({ events }: Fields) => (events as { edges: { node: Fields }[] }).edges[0]?.node;
const newestSession = ({ syncSessions }: Fields) => (syncSessions as Fields[])[0];
const view = '{ type: VIEW, movieId: 5, idempotencyKey: "matrix" }';

/** Most change nothing more, so that the owner's things stay as they are. */
export const ownChanges: OwnChange[] = [
  change('upsertProfile(input: {})', 'UpsertProfileResult', ({ profile }) => profile),
  change('markProfileComplete', 'MarkProfileCompleteResult', ({ profile }) => profile),
  change('skipProfileSetup', 'Profile', ({ profile }) => profile),
  change('upsertPreferences(input: {})', 'UpsertPreferencesResult', ({ preferences }) => preferences),
  change('upsertPrivacy(input: {})', 'Privacy', ({ privacy }) => privacy),
  change(`recordEvent(input: ${view})`, 'RecordEventResult', newestEvent),
  change(`recordEvents(inputs: [${view}])`, 'RecordEventsResult', (owner) => ({
    __typename: 'RecordedEvents',
    events: [newestEvent(owner)],
  })),
  change('changePictureAltText(version: 3, altText: "Third")', 'PictureAltTextResult', ({ picture }) => picture),
  change('restoreProfilePicture(version: 3)', 'ProfilePictureResult', pictureState),
  change('deleteProfilePicture(version: 2)', 'ProfilePictureResult', pictureState),
  change(
    'recropProfilePicture(version: 1, crop: { left: 0, top: 0, size: 64 })',
    'UploadProfilePictureResult',
    ({ picture }) => picture,
  ),
  {
    field: 'uploadProfilePicture',
    operation: 'mutation ($file: File!) { uploadProfilePicture(file: $file) { ...UploadProfilePictureResult_2 } }',
    expected: ({ picture }) => picture,
  },
  change('acknowledgePictureRevision(revision: 4)', 'SyncSession', newestSession),
];
