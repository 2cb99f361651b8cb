import type { GraphQLSchema } from 'graphql';
import type { TestApp } from './app.ts';
import { type EventInput, eventOf, eventTypes, recordEvents } from './events.ts';
import { accept, block, follow, unfollow } from './follow.ts';
import { anonymous, asPerson, type Person } from './person.ts';
import { photo } from './pictures.ts';
import type { Fields, People } from './privacy-comparison.ts';
import { arrow, type Change, createFacts } from './privacy-facts.ts';
import type { Settings } from './privacy-model.ts';
import { withFragments } from './schema-walk.ts';

/** Whoever asks, by how they stand to the owner. */
export const viewerNames = ['anonymous', 'stranger', 'requester', 'follower', 'blocked', 'blocking', 'owner'] as const;

/** Administrators: one who is a stranger otherwise, and one whom the owner blocks. */
export const administratorNames = ['administrator', 'outcast'] as const;
export type ViewerName = (typeof viewerNames)[number] | (typeof administratorNames)[number];

/** The owner, who looks at what is theirs as others see it. */
export const audienceNames = ['owner as PUBLIC', 'owner as FOLLOWERS'] as const;
export type AudienceName = (typeof audienceNames)[number];

/** Users who are there besides: on the owner's lists, or with the owner on theirs. */
const otherNames = ['third', 'hermit', 'foe', 'guest', 'beacon'] as const;
type Name = ViewerName | AudienceName | (typeof otherNames)[number];

/** Users, all that they have, and how they stand to each other. */
export interface World extends People {
  people: Record<Name, Person>;
  /** Whom the model takes for the viewer; null: anybody. */
  viewerIdOf(viewer: Name): string | null;
  /** Sets the owner's privacy, and leaves the requester a requester. */
  set(settings: Settings): Promise<void>;
  /** Notes what a change made of two users. */
  relate(change: Change, one: Person, other: Person): void;
  /** Reads anew what users see of themselves; all of them if left out. */
  refresh(people?: Person[]): Promise<void>;
}

export const ownerProfile = {
  username: 'matrix.owner',
  displayName: 'Matrix Owner',
  bio: 'A bio.',
  yearsOfExperience: 7,
  experienceLevel: 'SENIOR',
  educationLevel: 'PHD',
  fieldOfStudy: 'Mathematics',
  skills: ['Analysis'],
  workArrangement: 'REMOTE',
  preferredLocations: ['London'],
  salary: { min: 10, max: 20, currency: 'EUR' },
} as const;
export const ownerPreferences = {
  favoriteGenres: [18],
  adultContent: true,
  language: 'en-GB',
  theme: 'DARK',
  notifications: [{ name: 'news', enabled: true }],
} as const;
export const ownerFromClerk = { email: 'owner@visage.test', firstName: 'Olive', lastName: 'Owner' };
/** A name that the owner had before, and is still found by. */
export const formerUsername = 'matrix.former';

const allPrivate: Settings = { profile: 'PRIVATE', watchHistory: 'PRIVATE', ratings: 'PRIVATE' };

export async function createWorld(app: TestApp, schema: GraphQLSchema): Promise<World> {
  const people = await createPeople(app);
  const { owner, stranger, requester, follower, blocked, blocking, outcast, third, hermit, foe, guest } = people;
  const facts = createFacts(owner.id);
  const pair = async (change: Change, [one, other]: [Person, Person], act: Promise<unknown>) => {
    await act;
    facts.relate(change, one, other);
  };
  const followNow = (one: Person, other: Person) => pair('follow', [one, other], follow(one, { userId: other.id }));
  const request = (one: Person, other: Person) => pair('request', [one, other], follow(one, { userId: other.id }));

  await fillOwner(app, people);
  for (const one of [stranger, follower, guest]) await one.upsertPrivacy({ profile: 'PRIVATE' });
  // The foe is the last on the list, of all the pages' ends the one that a reader goes on from.
  for (const one of [foe, third, hermit, follower]) await followNow(one, owner);
  for (const one of [third, requester]) await followNow(owner, one);
  for (const one of [hermit, stranger, follower, guest]) await request(owner, one);
  await pair('follow', [owner, hermit], accept(hermit, owner.id));
  for (const one of [owner, stranger, third]) await followCatalogue(one, facts.catalogue, 7);
  await followCatalogue(owner, facts.catalogue, 8);
  for (const one of [blocked, outcast]) await pair('block', [owner, one], block(owner, one.id));
  await pair('block', [blocking, owner], block(blocking, owner.id));
  await pair('block', [stranger, foe], block(stranger, foe.id));

  const users = Object.entries(people).flatMap(([name, person]) =>
    person.token && !name.startsWith('owner as') ? [person] : [],
  );
  const truths = new Map<string, Fields>();
  let ownerSettings = allPrivate;
  const self = withFragments(schema, 'query { me { ...User_1 } }');
  const world: World = {
    people,
    ...facts,
    isAdministrator: (id) => administratorNames.some((name) => people[name].id === id),
    viewerIdOf: (viewer) => (viewer.startsWith('owner as') ? viewer : people[viewer].id || null),
    truthOf: (id) => truths.get(id) ?? {},
    settingsOf: (id) => (id === owner.id ? ownerSettings : ((truths.get(id)?.privacy ?? allPrivate) as Settings)),
    async set(settings) {
      ownerSettings = settings;
      await owner.upsertPrivacy(settings);
      await leaveRequester(app, people, settings);
      facts.relate('request', requester, owner);
    },
    async refresh(asked = users) {
      await Promise.all(
        asked.map(async (person) => {
          const { me } = await person.query<{ me: Fields }, object>(self);
          truths.set(person.id, me);
        }),
      );
    },
  };
  return world;
}

async function createPeople(app: TestApp): Promise<Record<Name, Person>> {
  const create = async (name: string): Promise<[string, Person]> => {
    const id = `user_matrix${name}00`;
    const isAdministrator = administratorNames.some((administrator) => administrator === name);
    const token = await app.sign({ sub: id, ...(isAdministrator && { metadata: { role: 'admin' } }) });
    const person = asPerson(app, id, token);
    await person.me();
    await person.upsertProfile({ username: `some.${name}`, displayName: `Some ${name}`, bio: `The bio of ${name}.` });
    return [name, person];
  };
  const names = [...viewerNames, ...administratorNames, ...otherNames].filter((name) => name !== 'anonymous');
  const users = Object.fromEntries(await Promise.all(names.map(create))) as Record<Name, Person>;
  const audiences = audienceNames.map((name) => [name, asAudience(users.owner, name)]);
  return { ...users, ...Object.fromEntries(audiences), anonymous: anonymous(app) };
}

/** The owner, whose queries ask for what that audience would get. */
const asAudience = (owner: Person, name: AudienceName): Person => ({
  ...owner,
  ask: (document, variables) => owner.ask(document, variables, { 'visage-view-as': name.replace('owner as ', '') }),
});

/** The owner, and the hermit beside them, have something in every field, so that hidden and empty are not alike. */
async function fillOwner(app: TestApp, { owner, hermit }: Record<Name, Person>): Promise<void> {
  const { prisma } = app.platform.db;
  await owner.upsertProfile({ username: formerUsername });
  await owner.upsertProfile({ ...ownerProfile, skills: [...ownerProfile.skills], preferredLocations: ['London'] });
  await owner.upsertPreferences({
    ...ownerPreferences,
    favoriteGenres: [18],
    notifications: [{ name: 'news', enabled: true }],
  });
  await prisma.user.update({ where: { id: owner.id }, data: ownerFromClerk });
  await owner.query('mutation { markProfileComplete { __typename } skipProfileSetup { __typename } }');
  for (const altText of ['First', 'Second', 'Third']) await owner.upload(await photo([90, 80]), { altText });
  await owner.query(
    'mutation { deleteProfilePicture(version: 2) { __typename } acknowledgePictureRevision(revision: 3) { id } }',
  );
  await prisma.syncSession.updateMany({ where: { userId: owner.id }, data: { userAgent: 'A browser' } });
  await prisma.user.update({ where: { id: hermit.id }, data: { ...ownerFromClerk, email: 'hermit@visage.test' } });
  await hermit.upsertProfile({ salary: { min: 1 } });
  await hermit.upsertPrivacy(allPrivate);
  for (const one of [owner, hermit]) await recordEvents(one, eventTypes.map(eventAt));
}

const eventAt = (type: EventInput['type'], index: number) =>
  eventOf(type, { occurredAt: `2020-01-0${index + 1}T00:00:00Z`, ...(type === 'REVIEW' && { rating: 3 }) });

async function followCatalogue(person: Person, known: Set<string>, tmdbId: number): Promise<void> {
  await follow(person, { crewMemberTmdbId: tmdbId });
  await follow(person, { studioTmdbId: tmdbId });
  for (const prefix of ['crew', 'studio']) known.add(arrow(person.id, `${prefix}_${tmdbId}`));
}

/**
 * A profile that becomes PUBLIC accepts the requests that wait. One that comes from just before, and waits beside a PUBLIC
 * profile, must not open anything either: no mutation leaves that behind.
 */
async function leaveRequester(app: TestApp, { owner, requester }: Record<Name, Person>, { profile }: Settings) {
  const { prisma } = app.platform.db;
  const request = { requesterId: requester.id, requesteeId: owner.id };
  if (profile !== 'PUBLIC') await follow(requester, { userId: owner.id });
  else if (!(await prisma.followRequest.findFirst({ where: request }))) {
    await unfollow(requester, { userId: owner.id });
    await prisma.followRequest.create({ data: request });
  }
}
