import { type App, createApp } from '../app.ts';
import type { Config } from '../config.ts';
import { StartError } from '../errors.ts';
import { remoteKeys, type SigningKeys, staticKey } from '../platform/clerk-keys.ts';
import { prepareFolder } from '../platform/data-folder.ts';
import { type DevelopmentKey, readDevelopmentKey } from '../platform/development-key.ts';
import { createLog, type Log } from '../platform/log.ts';
import type { CommandContext } from './command.ts';
import { openDatabase, type Running, stopAll } from './open-database.ts';

const demoUserId = 'user_demo_ada';
const demoTokenS = 12 * 3_600;

/** Runs the server until it is asked to stop. Asked while it starts, it starts first, so that nothing is left half done. */
export async function start({ config, print, onceAskedToStop }: CommandContext): Promise<void> {
  const running: Running = { stops: [], lost: [] };
  const askedToStop = new Promise<null>((resolve) => onceAskedToStop(() => resolve(null)));
  try {
    await run(config, print, running);
    const lost = await Promise.race([askedToStop, ...running.lost]);
    if (lost) throw lost;
  } finally {
    await stopAll(running);
  }
}

async function run(config: Config, print: (line: string) => void, running: Running): Promise<void> {
  if (config.seedDemo) assertHasDemo();
  const log = createLog(config.logLevel);
  await prepareFolder(config.dataDir, 0o711);
  if (config.storage.kind === 'disk') await prepareFolder(config.storage.folder);
  const connectionString = await openDatabase(config, running);
  const developmentKey = usesDevelopmentKey(config) ? await readDevelopmentKey(config.dataDir) : null;
  const demoToken = developmentKey && createDemoToken(developmentKey);
  const app = await createApp({
    config,
    connectionString,
    keys: createKeys(config, developmentKey, log),
    log,
    ...(demoToken && { demoToken }),
  });
  running.stops.push(() => app.close());
  // Else the first who writes would wait while Prisma compiles what it compiles queries with, and everybody with them.
  await app.platform.db.prisma.$connect();
  if (config.seedDemo) await seedDemo(app);
  const url = await app.listen();
  if (config.isProduction) return log.info({ url }, 'ready');
  for (const line of banner(url, await demoToken?.())) print(line);
}

const usesDevelopmentKey = ({ isProduction, clerk }: Config) => !isProduction && !clerk.jwtKey && !clerk.secretKey;

function createKeys({ clerk }: Config, developmentKey: DevelopmentKey | null, log: Log): SigningKeys {
  if (clerk.jwtKey) return staticKey(clerk.jwtKey);
  if (clerk.secretKey) return remoteKeys({ secretKey: clerk.secretKey, apiUrl: clerk.apiUrl, log });
  if (developmentKey) return staticKey(developmentKey.publicKey);
  throw new StartError('CLERK_JWT_KEY: expected this or CLERK_SECRET_KEY.');
}

/** One token for half its life, so that GraphiQL's page, which holds it, is made once in that time. */
function createDemoToken(key: DevelopmentKey): () => Promise<string> {
  let made = { token: '', atMs: Number.NEGATIVE_INFINITY };
  return async () => {
    if (Date.now() - made.atMs > (demoTokenS * 1000) / 2) {
      made = { token: await key.sign({ userId: demoUserId, sessionId: 'sess_demo' }, demoTokenS), atMs: Date.now() };
    }
    return made.token;
  };
}

/** Demo data are no part of what is built: production never has them. Throws `StartError` there. */
function assertHasDemo(): void {
  if (!import.meta.url.endsWith('.ts')) {
    throw new StartError(
      'NODE_ENV: expected production for the built server, or SEED_DEMO=false, since it has no demo data.',
    );
  }
}

async function seedDemo({ platform }: App): Promise<void> {
  const { seedDemoUsers } = await import(new URL('../../prisma/seed.ts', import.meta.url).href);
  await seedDemoUsers(platform);
}

const banner = (url: string, token: string | undefined) => [
  '',
  '  Visage is ready.',
  '',
  `  API        ${url}/graphql`,
  `  GraphiQL   ${url}/graphql in a browser`,
  `  REST       ${url}/api/docs in a browser`,
  ...(token ? ['', `  Token of ${demoUserId}, good for ${demoTokenS / 3_600} hours:`, '', token] : []),
  '',
];
