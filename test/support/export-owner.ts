import { randomId, type TestApp } from './app.ts';
import { recordEvents } from './events.ts';
import { accept, block, follow, unfollow } from './follow.ts';
import { createPerson, type Person } from './person.ts';
import { createPictureOwner, type PictureOwner } from './picture-owner.ts';
import { animatedGif, photo } from './pictures.ts';

/** Somebody of whom there is something in every table and every column, and the others of whom that tells. */
export interface OwnerOfEverything extends PictureOwner {
  follower: Person;
  requester: Person;
  followed: Person;
  asked: Person;
  blocked: Person;
}

/** Each other person has an e-mail address and a private bio, which are nobody else's business. */
export const privateWord = 'Nobodysbusiness';

export async function createOwnerOfEverything(app: TestApp): Promise<OwnerOfEverything> {
  const owner = await createPictureOwner(app);
  const [follower, requester, followed, asked, blocked] = await Promise.all(
    Array.from({ length: 5 }, () => createOther(app)),
  );
  if (!follower || !requester || !followed || !asked || !blocked) throw new Error('Expected five others.');
  await fillProfile(owner);
  await fillPictures(owner);
  await followed.upsertPrivacy({ profile: 'PUBLIC' });
  await owner.upsertPrivacy({ profile: 'FOLLOWERS', ratings: 'PUBLIC' });
  for (const other of [follower, requester]) await follow(other, { userId: owner.id });
  await accept(owner, follower.id);
  for (const other of [followed, asked]) await follow(owner, { userId: other.id });
  await block(owner, blocked.id);
  for (const tmdbId of [7, 8]) {
    await follow(owner, { crewMemberTmdbId: tmdbId });
    await follow(owner, { studioTmdbId: tmdbId });
  }
  await follow(owner, { studioTmdbId: 99 });
  await unfollow(owner, { studioTmdbId: 99 });
  await recordEvents(owner, [
    { type: 'VIEW', movieId: 1, occurredAt: '2020-01-01T00:00:00.001Z', idempotencyKey: 'first' },
    { type: 'RATING', movieId: 2, rating: 7.5 },
    { type: 'REVIEW', movieId: 3, rating: 10, review: 'Good, "quoted" 🦉 \u2028 \\' },
    { type: 'WATCHLIST_ADD', movieId: 4 },
  ]);
  await fillFromClerk(app, owner);
  return { ...owner, follower, requester, followed, asked, blocked };
}

async function createOther(app: TestApp): Promise<Person> {
  const other = await createPerson(app);
  await other.upsertProfile({ username: `other${randomId()}`.slice(0, 20), bio: privateWord });
  await other.upsertPrivacy({ profile: 'PRIVATE' });
  await app.platform.db.prisma.user.update({
    where: { id: other.id },
    data: { email: `${privateWord}@example.com`, firstName: privateWord, lastName: privateWord },
  });
  return other;
}

async function fillProfile(owner: Person): Promise<void> {
  const usernames = [1, 2].map((at) => `ada${at}${randomId()}`.slice(0, 20));
  for (const username of usernames) await owner.upsertProfile({ username });
  await owner.upsertProfile({
    displayName: 'Ada "Countess" Lovelace',
    bio: 'Mathematician\nand poet',
    yearsOfExperience: 12,
    experienceLevel: 'LEAD',
    educationLevel: 'MASTERS',
    fieldOfStudy: 'Mathematics',
    skills: ['Analysis', 'Poetical science'],
    workArrangement: 'REMOTE',
    preferredLocations: ['London'],
    salary: { min: 90_000, max: 120_000, currency: 'GBP' },
  });
  await owner.query('mutation { markProfileComplete { __typename } skipProfileSetup { id } }');
  await owner.upsertPreferences({
    favoriteGenres: [18, 878],
    adultContent: true,
    language: 'en-GB',
    theme: 'DARK',
    notifications: [{ name: 'new_follower', enabled: false }],
  });
}

/** Three versions: one deleted, one animated, one cut from another. */
async function fillPictures(owner: PictureOwner): Promise<void> {
  await owner.upload(await photo([200, 160]), { name: 'Holiday, 1843.jpg', altText: 'A photo' });
  await owner.remove(1);
  await owner.upload(await animatedGif({ delay: [50, 50, 50], dimensions: [80, 80] }), {
    name: 'wave.gif',
    type: 'image/gif',
  });
  await owner.recrop(1, { left: 10, top: 0, size: 100 });
  const acknowledge = 'mutation { acknowledgePictureRevision(revision: 1) { id } }';
  await owner.ask(acknowledge, {}, { 'user-agent': 'Phone/1.0' });
}

async function fillFromClerk({ platform: { db } }: TestApp, { id: userId }: Person): Promise<void> {
  const at = new Date('2025-05-05T05:05:05.050Z');
  await db.prisma.user.update({
    where: { id: userId },
    data: {
      email: 'ada@example.com',
      firstName: 'Ada',
      lastName: 'Lovelace',
      clerkImageUrl: 'https://img.clerk.test/ada',
      clerkMirroredImageUrl: 'https://img.clerk.test/ada-mirrored',
      clerkUsername: 'Ada_L',
      clerkUsernameUpdatedAt: at,
      clerkUpdatedAt: at,
    },
  });
  await db.prisma.webhookDelivery.create({
    data: { id: `msg_${randomId()}`, type: 'user.updated', userId, outcome: 'APPLIED' },
  });
  await db.prisma.outboxEntry.deleteMany({ where: { userId } });
  await db.prisma.outboxEntry.create({
    data: { userId, kind: 'METADATA', payload: { complete: true }, attempts: 2, nextAttemptAt: new Date(9e12) },
  });
}
