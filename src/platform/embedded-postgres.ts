import { setTimeout as delay } from 'node:timers/promises';
import type { StartError } from '../errors.ts';
import { databaseName, prepareCluster } from './embedded-postgres-cluster.ts';
import { FolderTakenError, type Hold, takeHold, toConnectionString } from './embedded-postgres-hold.ts';
import { stopPostmaster } from './postmaster.ts';

/** A PostgreSQL that lives and ends with this server. */
export interface EmbeddedPostgres {
  /** Of a database of our own, as its superuser, on 127.0.0.1. The same for the whole life of the server. */
  connectionString: string;
  /**
   * Comes true if PostgreSQL was killed and another Visage was quicker to start it again: the folder is theirs now, and
   * this server has to stop.
   */
  lost: Promise<StartError>;
  /** Stops PostgreSQL, within about 10 seconds. End the pools before: sessions that are open are cut off. */
  close(): Promise<void>;
}

/**
 * Starts PostgreSQL with its data in `folder`, which is made if it is missing, or takes over one that a killed Visage
 * left running there. Should PostgreSQL end while we live, it is started again on the same port.
 *
 * Who owns the folder is decided by PostgreSQL alone: it lets one server run on its data, and gives an advisory lock
 * to one session of that server, whoever started it. So of any number of processes that start at once exactly one
 * goes on, and there is no lock file that could go stale.
 *
 * @param options.settings PostgreSQL's settings by name, for when it is started; one that is taken over keeps its own.
 * @throws StartError, naming DATA_DIR if another Visage uses the folder or it can't be written, else DATABASE_URL.
 */
export async function startEmbeddedPostgres(options: {
  folder: string;
  settings?: Record<string, string>;
}): Promise<EmbeddedPostgres> {
  const cluster = await prepareCluster(options.folder);
  const settings = options.settings ?? {};
  const first = await takeHold({ cluster, settings });
  const keeper = keepHold(first, () => takeHold({ cluster, settings, port: first.port }));
  let closed: Promise<void> | undefined;
  const close = async () => {
    const hold = await keeper.release();
    if (!hold) return;
    await stopPostmaster(hold.pid, cluster.data, cluster.binaries);
    await hold.session.end().catch(() => undefined);
  };
  return {
    connectionString: toConnectionString(cluster, first.port, databaseName),
    lost: keeper.lost,
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}

// A session that was cut is a lock that was lost, with the server or without it: take hold again, until released.
function keepHold(first: Hold, takeAgain: () => Promise<Hold>) {
  let hold: Hold | undefined;
  let recovery: Promise<void> | undefined;
  let isReleased = false;
  let tellLoss: (error: StartError) => void;
  const lost = new Promise<StartError>((resolve) => {
    tellLoss = resolve;
  });
  const keep = (taken: Hold) => {
    hold = taken;
    taken.session.once('end', () => {
      hold = undefined;
      if (!isReleased) recovery = recover();
    });
  };
  const recover = async () => {
    while (!hold && !isReleased) {
      try {
        keep(await takeAgain());
      } catch (error) {
        if (error instanceof FolderTakenError) return tellLoss(error);
        await delay(500);
      }
    }
  };
  const release = async (): Promise<Hold | undefined> => {
    isReleased = true;
    await recovery;
    return hold;
  };
  keep(first);
  return { lost, release };
}
