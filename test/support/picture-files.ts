import { sweepPictures } from '../../src/commands/pictures-sweep.ts';
import { readConfig } from '../../src/config.ts';
import { StartError } from '../../src/errors.ts';
import type { PictureStore } from '../../src/platform/picture-store.ts';
import type { TestApp } from './app.ts';

/** All that the store of an app has, in order. */
export async function storedKeys({ platform }: Pick<TestApp, 'platform'>): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of platform.pictures.list()) keys.push(key);
  return keys.toSorted();
}

/** All that the rows of a database need, in order. */
export async function neededKeys({ platform }: Pick<TestApp, 'platform'>): Promise<string[]> {
  const rows = await platform.db.prisma.picture.findMany({ select: { fileKeys: true } });
  return [...new Set(rows.flatMap(({ fileKeys }) => fileKeys))].toSorted();
}

/** As if the time had passed before which nothing is removed that was asked for. */
export async function passSettling({ platform }: Pick<TestApp, 'platform'>): Promise<void> {
  // In the order in which the server locks these rows: it may be at them at the same moment.
  await platform.db.prisma.$executeRaw`
    update file_removals set requested_at = now() - interval '1 minute'
    where key = any(array(select key from file_removals where removing_at is null order by key for update))
      and removing_at is null`;
}

/** Makes a store delete like a bucket, which can't look at a file's age and delete it in one step. */
export function deleteAtAnyAge(pictures: PictureStore): void {
  const remove = pictures.delete;
  pictures.delete = (key) => remove(key);
}

/** A step of some stores, at which everybody stops until they may go on. */
export interface Halt {
  /** Makes a store stop there, too. */
  on(store: PictureStore): void;
  /** Somebody stands there. */
  reached: Promise<void>;
  letGo(): void;
}

/** Stops whoever calls a function of a store, before or after it is done. */
export function createHalt(step: 'put' | 'delete', when: 'before' | 'after'): Halt {
  const [gate, arrival] = [createSignal(), createSignal()];
  const halted =
    (work: (...args: never[]) => Promise<void>) =>
    async (...args: never[]) => {
      if (when === 'after') await work(...args);
      arrival.give();
      await gate.given;
      if (when === 'before') await work(...args);
    };
  return {
    on: (store) => void Object.assign(store, { [step]: halted(store[step]) }),
    reached: arrival.given,
    letGo: gate.give,
  };
}

function createSignal() {
  let give = () => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give: () => give() };
}

/** What pictures:sweep said, and, where it ended with exit code 1, its last line. */
export async function runSweep(
  app: TestApp,
  args: string[] = [],
): Promise<{ lines: string[]; failure: string | null }> {
  const lines: string[] = [];
  const config = readConfig({
    NODE_ENV: 'test',
    LOG_LEVEL: 'silent',
    DATABASE_URL: app.database.connectionString,
    STORAGE_URL: `file://${app.folder}`,
  });
  try {
    await sweepPictures({ config, args, print: (line) => lines.push(line), onceAskedToStop: () => undefined });
    return { lines, failure: null };
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return { lines, failure: error.message };
  }
}
