import { createHash } from 'node:crypto';
import { v5 as uuidv5 } from 'uuid';
import { type FieldError, RequestError } from '../../errors.ts';
import type { Statement } from '../../platform/database.ts';
import { createGate } from '../../platform/gate.ts';
import type { Platform } from '../../platform/platform.ts';
import { importProfilePicture, PictureThereError } from '../picture/service.ts';
import { auditImport } from './audit.ts';
import { toPictureProblems } from './check-pictures.ts';
import { importNamespace } from './event-rows.ts';
import { fetchPicture, nameOf, type PictureFolder, readPictureFile } from './picture-source.ts';
import type { ImportedPicture, ImportedTies, Outcome } from './record.ts';

/** What became of a user's picture; one that couldn't be had is tried again by the next run. */
export interface WrittenPicture {
  outcome: Outcome;
  problems: FieldError[];
}

export interface PictureDeps
  extends Pick<Platform, 'db' | 'images' | 'pictures' | 'scanner' | 'mirrors' | 'pictureRetention'> {
  source: PictureFolder;
}

interface PictureState {
  id: string;
  hasAny: boolean;
}

/** Which of $1 users are here, and whether they have or had a picture. By primary key. */
const pictureStates: Statement = {
  name: 'import_picture_states',
  text: `
select id, last_picture_version > 0 as "hasAny" from users where id = any($1::text[]) and closed_at is null`,
};

/** Gives version $2 of $1 user the $3 text, if it has another. By primary key. */
const describePicture: Statement = {
  name: 'import_describe_picture',
  text: `
update pictures set alt_text = $3 where id = $2::uuid and user_id = $1 and alt_text is distinct from $3 returning id`,
};

/** Each takes up to 230 MB while it is decoded. */
const picturesAtOnce = 2;

/**
 * Gives users the pictures that they bring along, through all that an upload goes through. Whoever has or had one here keeps
 * what they have, unless the file is to win.
 */
export async function writePictures(
  deps: PictureDeps,
  users: ImportedTies[],
  { overwrite }: { overwrite: boolean },
): Promise<Map<string, WrittenPicture>> {
  const rows = await deps.db.query<PictureState>(pictureStates, [users.map(({ id }) => id)]);
  const states = new Map(rows.map((row) => [row.id, row]));
  const gate = createGate({ concurrency: picturesAtOnce, queueLimit: users.length });
  const write = async ({ id, picture }: ImportedTies): Promise<[string, WrittenPicture]> => {
    const state = states.get(id);
    if (!state || !picture) return [id, done('left out')];
    if (state.hasAny && !overwrite) return [id, done('unchanged')];
    return [id, await gate.run(() => writePicture(deps, { userId: id, picture, hasAny: state.hasAny, overwrite }))];
  };
  return new Map(await Promise.all(users.map(write)));
}

const done = (outcome: Outcome): WrittenPicture => ({ outcome, problems: [] });

interface Brought {
  userId: string;
  picture: ImportedPicture;
  hasAny: boolean;
  overwrite: boolean;
}

async function writePicture(deps: PictureDeps, brought: Brought): Promise<WrittenPicture> {
  const { userId, picture, overwrite } = brought;
  try {
    const bytes = await readPicture(deps, picture);
    const id = uuidv5(`picture ${userId} ${createHash('sha256').update(bytes).digest('hex')}`, importNamespace);
    if (await isThere(deps, id)) return done(await describe(deps, id, brought));
    const upload = { userId, file: new File([new Uint8Array(bytes)], nameOf(picture)), altText: picture.altText };
    await importProfilePicture(deps, upload, { id, onlyAsFirst: !overwrite });
    return done(brought.hasAny ? 'changed' : 'created');
  } catch (error) {
    // Uploaded by its user while it was fetched.
    if (error instanceof PictureThereError) return done('unchanged');
    // Deleted meanwhile.
    if (error instanceof RequestError && error.code === 'UNAUTHENTICATED') return done('left out');
    const path = picture.path === undefined ? 'picture.url' : 'picture.path';
    return { outcome: 'left out', problems: toPictureProblems(error, path) };
  }
}

const readPicture = ({ source }: PictureDeps, { path, url }: ImportedPicture) =>
  path === undefined ? fetchPicture(url ?? '') : readPictureFile(path, source);

/** Brought once, a picture isn't brought again, whatever became of it. */
const isThere = async ({ db }: PictureDeps, id: string) => (await db.prisma.picture.count({ where: { id } })) > 0;

const describe = ({ db }: PictureDeps, id: string, { userId, picture }: Brought): Promise<'changed' | 'unchanged'> =>
  db.transaction(async (tx) => {
    const changed = await tx.$queryRawUnsafe<object[]>(describePicture.text, userId, id, picture.altText);
    if (changed.length === 0) return 'unchanged';
    await auditImport(tx, [{ userId, changedFields: ['altText'] }]);
    return 'changed';
  });
