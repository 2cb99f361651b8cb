import { parseArgs } from 'node:util';
import { StartError } from '../errors.ts';
import { createDatabase } from '../platform/database.ts';
import { createLog } from '../platform/log.ts';
import type { CommandContext } from './command.ts';
import { openDatabase, type Running, stopAll } from './open-database.ts';
import { type SeedSizes, seedSteps } from './seed-statements.ts';

const usage = 'npm run seed -- --users 100000 --follows 1000000 --events 2000000';

/** Adds made-up users, follows among them and events of theirs to the database, for trying and measuring. */
export async function seed({ config, args, print }: CommandContext): Promise<void> {
  if (config.isProduction) throw new StartError('NODE_ENV: made-up users are for development, and this is production.');
  const sizes = readSizes(args);
  const running: Running = { stops: [], lost: [] };
  try {
    const connectionString = await openDatabase(config, running);
    const log = createLog(config.logLevel);
    const db = createDatabase({ connectionString, log, poolSize: 1, statementTimeoutMs: 0 });
    running.stops.push(() => db.close());
    for (const { what, statement, values } of seedSteps(sizes)) {
      const startedAt = performance.now();
      await db.query(statement, values);
      print(`${what} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`);
    }
  } finally {
    await stopAll(running);
  }
}

const option = { type: 'string' } as const;

function readSizes(args: string[]): SeedSizes {
  const { users = '1000', follows = '10000', events = '20000' } = parseOrThrow(args);
  const sizes = { users: toCount(users), follows: toCount(follows), events: toCount(events) };
  if (sizes.users < 1) throw new StartError(`Expected at least one user. ${usage}`);
  if (sizes.follows > (sizes.users * (sizes.users - 1)) / 4) {
    throw new StartError(`Expected at most a quarter of all pairs as follows. ${usage}`);
  }
  return sizes;
}

function parseOrThrow(args: string[]) {
  try {
    return parseArgs({ args, options: { users: option, follows: option, events: option } }).values;
  } catch (error) {
    throw new StartError(`${(error as Error).message} ${usage}`);
  }
}

function toCount(text: string): number {
  if (!/^\d{1,8}$/.test(text)) throw new StartError(`Expected a whole number, and got "${text}". ${usage}`);
  return Number(text);
}
