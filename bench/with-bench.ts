import { type Cast, gatherCast, viewerCount } from './cast.ts';
import { type BenchDatabase, openDatabase } from './database.ts';
import { type Load, startLoad } from './load.ts';
import { benchMovieId } from './operations.ts';
import type { DataSize } from './sizes.ts';

/** A database and those who ask there. */
export interface Place {
  size: DataSize;
  database: BenchDatabase;
  cast: Cast;
}

/** Opens a database for each size and starts the process that plays so many clients; ends all of it, whatever happens. */
export async function withBench<Result>(
  sizes: readonly DataSize[],
  work: (load: Load, places: Place[]) => Promise<Result>,
  people = viewerCount,
): Promise<Result> {
  const places: Place[] = [];
  const databases: BenchDatabase[] = [];
  const load = startLoad();
  try {
    for (const size of sizes) {
      const database = await openDatabase(size);
      databases.push(database);
      places.push({ size, database, cast: await gatherCast(database.client, size, people) });
    }
    return await work(load, places);
  } finally {
    load.close();
    await Promise.all(databases.map(closeDatabase));
  }
}

/** The same for one size. */
export const withPlace = <Result>(
  size: DataSize,
  work: (load: Load, place: Place) => Promise<Result>,
  people = viewerCount,
): Promise<Result> =>
  withBench(
    [size],
    async (load, [place]) => {
      if (!place) throw new Error('There is no database.');
      return work(load, place);
    },
    people,
  );

async function closeDatabase(database: BenchDatabase): Promise<void> {
  // Else the data would grow from run to run.
  await database.client.query('delete from events where movie_id = $1', [benchMovieId]);
  await database.client.query('vacuum events, follows, users');
  await database.close();
}
