import type { Config, ConfigReport } from '../config.ts';
import { StartError } from '../errors.ts';
import { openPictureStore } from '../platform/open-picture-store.ts';
import type { CommandContext } from './command.ts';
import { checkApi, checkClock, checkKeys, checkWebhooks } from './doctor/clerk-checks.ts';
import {
  checkCounters,
  checkDatabase,
  checkDatabaseClock,
  checkMigrations,
  checkNotifications,
  checkRights,
  checkTriggers,
  lastWebhookAt,
  newestFiles,
} from './doctor/database-checks.ts';
import { type Check, examine, type Finding, failed, skipped } from './doctor/examination.ts';
import { NothingToSeeError, openExistingDatabase } from './doctor/existing-database.ts';
import { checkAnnouncements, checkRedis } from './doctor/redis-checks.ts';
import { checkScanner } from './doctor/scanner-checks.ts';
import { checkFiles, checkStore } from './doctor/store-checks.ts';
import { checkCors, checkMetrics, checkPublicUrl, checkTokens, checkVariables } from './doctor/variable-checks.ts';
import { type Running, stopAll } from './open-database.ts';

export interface DoctorContext extends Pick<CommandContext, 'print'> {
  /** What the variables say, also where some are wrong. */
  inspectConfig(): ConfigReport;
}

/** Checks a deployment, a line each, and changes nothing. Throws StartError naming the checks that failed. */
export async function doctor({ print, inspectConfig }: DoctorContext): Promise<void> {
  const report = inspectConfig();
  const running: Running = { stops: [], lost: [] };
  try {
    const wrongVariables = new Set(report.problems.keys());
    const failures = await examine(
      [
        { name: 'variables', run: () => checkVariables(report) },
        ...addressChecks(report.config),
        ...databaseChecks(report.config, running),
        { name: 'scanner', needs: ['CLAMAV_HOST'], run: () => checkScanner(report.config.clamav) },
        ...clerkChecks(report.config),
      ],
      { wrongVariables, print },
    );
    if (failures.length > 0) throw new StartError(`Something is wrong: ${failures.join(', ')}.`);
    print('Nothing is wrong.');
  } finally {
    await stopAll(running);
  }
}

const addressChecks = (config: Config): Check[] => [
  { name: 'public url', needs: ['PUBLIC_URL'], run: () => checkPublicUrl(config) },
  { name: 'cors', needs: ['CORS_ORIGINS'], run: () => checkCors(config) },
  { name: 'metrics', needs: ['METRICS_TOKEN'], run: () => checkMetrics(config) },
  { name: 'redis', needs: ['REDIS_URL'], run: () => checkRedis(config.redisUrl) },
];

function databaseChecks(config: Config, running: Running): Check[] {
  let opened: Promise<string> | undefined;
  const ask = async <Answer>(question: (connectionString: string) => Promise<Answer>): Promise<Answer> => {
    opened ??= openExistingDatabase(config, running);
    return question(await opened);
  };
  const pictures = openPictureStore(config.storage);
  running.stops.push(() => pictures.close());
  const isEmbedded = config.databaseUrl === null;
  const connected = { after: ['database'] };
  const migrated = { after: ['migrations'] };
  return [
    {
      name: 'database',
      needs: ['DATABASE_URL', 'DATA_DIR'],
      run: () => ask(checkDatabase).catch(withoutDatabase),
    },
    { name: 'rights', ...connected, run: () => ask(checkRights) },
    {
      name: 'notifications',
      needs: ['REDIS_URL'],
      ...connected,
      run: () => ask(config.redisUrl === null ? checkNotifications : checkAnnouncements),
    },
    { name: 'database clock', ...connected, run: () => ask(checkDatabaseClock) },
    { name: 'migrations', ...connected, run: () => ask((database) => checkMigrations(database, isEmbedded)) },
    { name: 'triggers', ...migrated, run: () => ask(checkTriggers) },
    { name: 'counters', ...migrated, run: () => ask(checkCounters) },
    {
      name: 'store',
      needs: ['STORAGE_URL', 'DATA_DIR'],
      run: () => checkStore(pictures, config.storage),
    },
    {
      name: 'files',
      after: ['migrations', 'store'],
      run: async () => checkFiles(pictures, await ask(newestFiles)),
    },
    {
      name: 'webhooks',
      needs: ['CLERK_WEBHOOK_SIGNING_SECRET'],
      ...migrated,
      run: async () => checkWebhooks(config, await ask(lastWebhookAt)),
    },
  ];
}

function withoutDatabase(error: Error): Finding {
  if (error instanceof NothingToSeeError) return skipped(error.message);
  return failed(error.message, 'Look at host, port, user, password and database, and at the firewall');
}

const clerkChecks = ({ clerk, ...config }: Config): Check[] => {
  const needs = ['CLERK_JWT_KEY', 'CLERK_SECRET_KEY', 'CLERK_API_URL'];
  return [
    { name: 'signing keys', needs, run: () => checkKeys(clerk) },
    { name: 'clerk api', needs, run: () => checkApi(clerk) },
    { name: 'clock', needs, run: () => checkClock(clerk) },
    {
      name: 'tokens',
      needs: ['CLERK_ISSUER', 'CLERK_AUTHORIZED_PARTIES'],
      run: () => checkTokens({ ...config, clerk }),
    },
  ];
};
