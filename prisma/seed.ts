import { readFile } from 'node:fs/promises';
import { v7 as uuidv7 } from 'uuid';
import { UsernameTakenError } from '../src/errors.ts';
import { ensureUser } from '../src/modules/identity/create-user.ts';
import { uploadProfilePicture } from '../src/modules/picture/service.ts';
import { upsertPreferences } from '../src/modules/preferences/service.ts';
import { upsertPrivacy } from '../src/modules/privacy/service.ts';
import { upsertProfile } from '../src/modules/profile/service.ts';
import { tombstoneOf } from '../src/modules/user/tombstone.ts';
import type { Database, Statement } from '../src/platform/database.ts';
import type { Platform } from '../src/platform/platform.ts';
import { type DemoPerson, demoPeople } from './demo/people.ts';
import { relateDemoUsers } from './demo/relate.ts';

/** In the audit log of a demo user to whom nothing is to be added any more. */
const doneAction = 'demo.seeded';

/** A demo user that isn't done, and which parts nobody has touched since the user was created. */
interface Unfinished {
  id: string;
  profile: boolean;
  preferences: boolean;
  privacy: boolean;
  picture: boolean;
}

/**
 * Those of $1 who aren't done; one who deleted their account is. The rows that come with a new user have the time of its
 * creation until they are changed.
 */
const unfinishedDemoUsers: Statement = {
  name: 'unfinished_demo_users',
  text: `
select demo.id,
  coalesce(profile.updated_at = profile.created_at, true) as profile,
  coalesce(preferences.updated_at = users.created_at, true) as preferences,
  coalesce(privacy.updated_at = users.created_at, true) as privacy,
  coalesce(users.last_picture_version = 0, true) as picture
from unnest($1::text[]) as demo (id)
left join users on users.id = demo.id
left join profiles profile on profile.user_id = demo.id
left join preferences on preferences.user_id = demo.id
left join privacy on privacy.user_id = demo.id
where not exists (select from tombstones where id_hash = ${tombstoneOf('demo.id')})
  and not exists (select from audit_entries where user_id = demo.id and action = '${doneAction}')`,
};

/**
 * Fills a database with people to try the server with; where they are there already, it is one statement. What an
 * interrupted run has left out is added; what somebody changed since stays as it is.
 */
export async function seedDemoUsers(connected: Platform): Promise<void> {
  // Clerk has none of them, and would say so.
  const platform: Platform = { ...connected, clerk: null, mirrors: { metadata: false, picture: false } };
  const unfinished = await findUnfinished(platform.db);
  if (unfinished.size === 0) return;
  for (const person of demoPeople) {
    const untouched = unfinished.get(person.id);
    if (untouched) await seedPerson(platform, person, untouched);
  }
  await finish(platform.db, [...unfinished.keys()]);
}

async function findUnfinished(db: Database): Promise<Map<string, Unfinished>> {
  const rows = await db.query<Unfinished>(unfinishedDemoUsers, [demoPeople.map(({ id }) => id)]);
  return new Map(rows.map((row) => [row.id, row]));
}

async function seedPerson(platform: Platform, person: DemoPerson, untouched: Unfinished): Promise<void> {
  const { id, email, firstName, lastName } = person;
  await ensureUser(platform, id);
  await platform.db.prisma.user.updateMany({ where: { id, email: null }, data: { email, firstName, lastName } });
  if (untouched.profile) await seedProfile(platform, person);
  if (untouched.preferences) await upsertPreferences(platform, id, person.preferences);
  if (untouched.privacy) await upsertPrivacy(platform, id, person.privacy);
  if (untouched.picture && person.picture) await uploadDemoPicture(platform, id, person.picture);
}

/** Somebody else may have the username in a database that was there before. */
async function seedProfile(platform: Platform, { id, profile }: DemoPerson): Promise<void> {
  try {
    await upsertProfile(platform, id, profile);
  } catch (error) {
    if (!(error instanceof UsernameTakenError)) throw error;
    const { username: _, ...rest } = profile;
    await upsertProfile(platform, id, rest);
  }
}

async function uploadDemoPicture(
  platform: Platform,
  userId: string,
  { file, altText }: NonNullable<DemoPerson['picture']>,
): Promise<void> {
  const bytes = await readFile(new URL(`demo/${file}`, import.meta.url));
  await uploadProfilePicture(platform, { userId, file: new File([bytes], file), altText });
}

/** All at once, so that what somebody took back later is never there a second time. */
async function finish(db: Database, userIds: string[]): Promise<void> {
  await db.transaction(async (tx) => {
    await relateDemoUsers(tx, userIds);
    await tx.profile.updateMany({
      where: {
        userId: { in: userIds },
        completedAt: null,
        displayName: { not: null },
        user: { username: { not: null } },
      },
      data: { completedAt: new Date() },
    });
    await tx.auditEntry.createMany({
      data: userIds.map((userId) => ({ id: uuidv7(), userId, action: doneAction, actor: 'SYSTEM' })),
    });
  });
}
