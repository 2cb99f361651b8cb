import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signJwt } from '@clerk/backend/jwt';
import { type App, type AppOptions, createApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { staticKey } from '../../src/platform/clerk-keys.ts';
import { createLog } from '../../src/platform/log.ts';
import { polling } from '../../src/platform/worker.ts';
import { createDatabase, type TestDatabase } from './database.ts';

/** A server of the test's own: its database, its pictures, and a key that signs its users' tokens. */
export interface TestApp extends Pick<App, 'fetch' | 'platform' | 'listen'> {
  /** Where its pictures are. */
  folder: string;
  database: TestDatabase;
  /** SQL statements sent since the last call, but those by which workers look for work. */
  takeStatements(): string[];
  /** A session token with these claims; what is left out is as Clerk's. */
  sign(claims: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
  /** By which those tokens are verified; PEM. */
  publicKey: string;
  close(): Promise<void>;
}

export interface TestAppOptions {
  /** Variables that differ from those of a test. */
  env?: Record<string, string>;
  /** Another server's database, pictures and key: a second process beside it. */
  beside?: TestApp;
  /** What differs from a test's server otherwise. */
  parts?: Partial<
    Pick<
      AppOptions,
      'keys' | 'log' | 'connectionString' | 'streamGraceMs' | 'stuckAfterMs' | 'demoToken' | 'sockets' | 'bodyTimes'
    >
  >;
}

/** Starts a server without a port; `listen` opens one. The test closes it. */
export async function createTestApp({ env = {}, beside, parts }: TestAppOptions = {}): Promise<TestApp> {
  const database = beside?.database ?? (await createDatabase());
  const folder = beside?.folder ?? (await mkdtemp(join(tmpdir(), 'visage-pictures-')));
  keys ??= generateKeys();
  const { publicKey, privateKey } = keys;
  const statements: string[] = [];
  const config = readConfig({
    NODE_ENV: 'test',
    PORT: '0',
    LOG_LEVEL: 'silent',
    DATABASE_URL: database.connectionString,
    STORAGE_URL: `file://${folder}`,
    ...env,
  });
  const app = await createApp({
    config,
    connectionString: database.connectionString,
    keys: staticKey(publicKey),
    log: createLog(config.logLevel),
    onStatement: (sql) => sql.startsWith(polling) || statements.push(sql),
    ...parts,
  });
  const testApp: TestApp = {
    fetch: app.fetch,
    platform: app.platform,
    listen: app.listen,
    folder,
    database,
    takeStatements: () => statements.splice(0),
    sign: (claims, header) => signToken(claims, privateKey, header),
    publicKey,
    async close() {
      await app.close();
      if (beside) return;
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return testApp;
}

interface Keys {
  publicKey: string;
  privateKey: string;
}

/** Of every server in this process: to make a pair takes longer than to start a server. */
let keys: Keys | undefined;

/** An RSA pair in PEM, as Clerk's instances have one. */
export const generateKeys = (): Keys =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });

/** A token as Clerk signs it, good for an hour unless `exp` says otherwise. */
export function signToken(
  claims: Record<string, unknown>,
  privateKey: string,
  header: Record<string, unknown> = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const payload = {
    iat: now,
    nbf: now,
    exp: now + 3600,
    iss: 'https://clerk.test',
    sid: `sess_${randomId()}`,
    ...claims,
  };
  return signJwt(payload, privateKey, { algorithm: 'RS256', header: { typ: 'JWT', kid: 'test', ...header } });
}

export const randomId = (): string => randomBytes(9).toString('hex');
