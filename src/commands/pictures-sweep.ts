import { RequestError, StartError } from '../errors.ts';
import { sweepPictureFiles, TooManyUnneededError } from '../modules/picture/sweep-service.ts';
import { beginSweep } from '../modules/picture/sweeps.ts';
import { createDatabase } from '../platform/database.ts';
import { createLog } from '../platform/log.ts';
import { openPictureStore } from '../platform/open-picture-store.ts';
import type { CommandContext } from './command.ts';
import { openDatabase, type Running, stopAll } from './open-database.ts';

const usage = 'npm run pictures:sweep -- [--even-most]';

/** Looks through the picture store now, as the servers do every hour, and prints what came of it. */
export async function sweepPictures(context: CommandContext): Promise<void> {
  const evenMost = context.args[0] === '--even-most';
  if (context.args.length > Number(evenMost)) throw new StartError(`Expected at most --even-most. ${usage}`);
  const running: Running = { stops: [], lost: [] };
  try {
    await run(context, { evenMost }, running);
  } catch (error) {
    const isExpected = error instanceof RequestError || error instanceof TooManyUnneededError;
    throw isExpected ? new StartError(error.message, { cause: error }) : error;
  } finally {
    await stopAll(running);
  }
}

async function run({ config, print }: CommandContext, options: { evenMost: boolean }, running: Running): Promise<void> {
  const connectionString = await openDatabase(config, running);
  const log = createLog(config.logLevel);
  const db = createDatabase({ connectionString, log });
  running.stops.push(() => db.close());
  const pictures = openPictureStore(config.storage);
  running.stops.push(() => pictures.close());
  await db.query(beginSweep, []);
  const { files, removed, temporary, missing } = await sweepPictureFiles({ db, pictures, log }, options);
  print(`files                          ${files}`);
  print(
    `needed by no picture           ${removed}${removed > 0 ? ' (a server that runs removes them in a minute)' : ''}`,
  );
  print(`remains of interrupted writes  ${temporary}`);
  print(`pictures that lack a file      ${missing}${missing > 0 ? ' (the log names them)' : ''}`);
  if (missing > 0) throw new StartError('Bring the missing files back from a backup; their pictures are not shown.');
}
