import { resolve } from 'node:path';
import {
  listOf,
  matching,
  oneOf,
  type Storage,
  toBaseUrl,
  toClaim,
  toHostAndPort,
  toOrigin,
  toPublicKey,
  toStorage,
  toWebhookSecret,
  wholeNumber,
} from './config-values.ts';
import { StartError } from './errors.ts';

/** What the environment says, read once at the start and never changed. Null where nothing was given and there is no default. */
export interface Config {
  readonly isProduction: boolean;
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** Without a trailing slash; null: made from host and port once they are known. */
  readonly publicUrl: string | null;
  /** Absolute. */
  readonly dataDir: string;
  /** Null in development only: the embedded PostgreSQL. */
  readonly databaseUrl: string | null;
  readonly seedDemo: boolean;
  readonly clerk: {
    /** PEM, with real line breaks. In production this or `secretKey` is there. */
    readonly jwtKey: string | null;
    readonly secretKey: string | null;
    /** Without a trailing slash; null: Clerk's own. */
    readonly apiUrl: string | null;
    readonly issuer: string | null;
    /** Empty: any. */
    readonly authorizedParties: readonly string[];
    /** Two while one is rotated; none: webhooks aren't accepted. */
    readonly webhookSigningSecrets: readonly string[];
    /** Whether completion goes to Clerk's public metadata, and the active picture to Clerk's profile image; never without `secretKey`. */
    readonly mirrors: { readonly metadata: boolean; readonly picture: boolean };
  };
  /** Whose token has `value` at `path` of its claims is an administrator; null: nobody. */
  readonly adminClaim: { readonly path: readonly string[]; readonly value: string } | null;
  /** Origins as browsers send them; `localhost`: any port of this machine. */
  readonly corsOrigins: readonly string[] | 'localhost';
  readonly rateLimits: boolean;
  readonly introspection: boolean;
  /** Null: instances talk through PostgreSQL, and each counts for its own rate limits. */
  readonly redisUrl: string | null;
  readonly storage: Storage;
  readonly pictures: {
    /** Pictures that are decoded at the same time. */
    readonly atOnce: number;
    /** Pictures that may wait for it. */
    readonly waiting: number;
    /** Of one user, the active one included. */
    readonly versions: number;
    /** How long a deleted version can be restored. */
    readonly deletedDays: number;
  };
  /** What looks at each upload before it is decoded; null: nothing. */
  readonly clamav: {
    readonly host: string;
    readonly port: number;
    readonly whenUnavailable: 'refuse' | 'accept';
  } | null;
  readonly metricsToken: string | null;
  readonly logLevel: (typeof logLevels)[number];
}

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** How one variable is read. `parse` answers undefined for what isn't as expected. */
interface Variable<Value> {
  expected: string;
  example: string;
  parse: (raw: string) => Value | undefined;
  /** What an error may show of a wrong value. */
  shown: 'all' | 'scheme' | 'nothing';
}

const variable = <Value>(
  expected: string,
  example: string,
  parse: Variable<Value>['parse'],
  shown: Variable<Value>['shown'] = 'all',
): Variable<Value> => ({ expected, example, parse, shown });

const variables = {
  NODE_ENV: variable('production, development or test', 'production', oneOf(['production', 'development', 'test'])),
  PORT: variable('a whole number from 0 to 65535', '4000', wholeNumber(0, 65_535)),
  HOST: variable('a host name or an IP address', '127.0.0.1', matching(/^[\w.:-]+$/)),
  PUBLIC_URL: variable('an http:// or https:// address, no query', 'https://visage.example.com', toBaseUrl),
  DATA_DIR: variable('a folder', '/var/lib/visage', (raw) => resolve(raw)),
  DATABASE_URL: variable(
    'a postgres:// or postgresql:// address, special characters percent-encoded',
    'postgresql://visage:secret@localhost:5432/visage',
    (raw) => (/^postgres(ql)?:\/\/\S+$/i.test(raw) && URL.canParse(raw) ? raw : undefined),
    'scheme',
  ),
  SEED_DEMO: variable('true or false', 'false', oneOf(['true', 'false'])),
  CLERK_JWT_KEY: variable(
    'an RSA public key in PEM',
    '"-----BEGIN PUBLIC KEY-----\\nMIIB…\\n-----END PUBLIC KEY-----"',
    toPublicKey,
    'nothing',
  ),
  CLERK_SECRET_KEY: variable("Clerk's secret key, sk_…", 'sk_live_…', matching(/^sk_[!-~]+$/), 'nothing'),
  CLERK_API_URL: variable('an http:// or https:// address, no query', 'https://api.clerk.com', toBaseUrl),
  CLERK_ISSUER: variable(
    'an http:// or https:// address, exactly as tokens have it in iss',
    'https://clerk.example.com',
    (raw) => toBaseUrl(raw) && raw,
  ),
  CLERK_AUTHORIZED_PARTIES: variable('a comma-separated list', 'https://app.example.com', listOf(matching(/^\S+$/))),
  CLERK_WEBHOOK_SIGNING_SECRET: variable(
    'whsec_ and base64, or two of them, comma-separated',
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    listOf(toWebhookSecret, 2),
    'nothing',
  ),
  CLERK_MIRROR_METADATA: variable('true or false', 'true', oneOf(['true', 'false'])),
  CLERK_MIRROR_PICTURE: variable('true or false', 'true', oneOf(['true', 'false'])),
  ADMIN_CLAIM: variable(
    "path=value, the path being a dotted one in the token's claims",
    'metadata.role=admin',
    toClaim,
  ),
  CORS_ORIGINS: variable(
    'a comma-separated list of origins, scheme://host[:port] and nothing after it',
    'https://app.example.com,https://example.com:8443',
    listOf(toOrigin),
  ),
  RATE_LIMITS: variable('on or off', 'on', oneOf(['on', 'off'])),
  GRAPHQL_INTROSPECTION: variable('true or false', 'false', oneOf(['true', 'false'])),
  REDIS_URL: variable(
    'a redis:// or rediss:// address',
    'redis://localhost:6379/0',
    (raw) => (/^rediss?:\/\/\S+$/i.test(raw) && URL.canParse(raw) ? raw : undefined),
    'scheme',
  ),
  STORAGE_URL: variable(
    'file:///… or s3://bucket/prefix with ?region=, &endpoint=, &pathStyle=true|false, &delivery=proxy|redirect, and no keys in it',
    'file:///var/lib/visage/pictures',
    toStorage,
    'scheme',
  ),
  PICTURES_AT_ONCE: variable('a whole number from 1 to 64', '2', wholeNumber(1, 64)),
  PICTURES_WAITING: variable('a whole number from 0 to 10000', '64', wholeNumber(0, 10_000)),
  PICTURE_VERSIONS: variable('a whole number from 1 to 100000', '100', wholeNumber(1, 100_000)),
  PICTURE_DELETED_DAYS: variable('a whole number from 0 to 3650', '30', wholeNumber(0, 3_650)),
  CLAMAV_HOST: variable('a host name or an IP address, with or without a port', 'clamav:3310', toHostAndPort),
  CLAMAV_UNAVAILABLE: variable('refuse or accept', 'refuse', oneOf(['refuse', 'accept'])),
  METRICS_TOKEN: variable('a token without white space', 'a-long-random-text', matching(/^[!-~]+$/), 'nothing'),
  LOG_LEVEL: variable(`one of ${logLevels.join(', ')}`, 'info', oneOf(logLevels)),
} satisfies Record<string, Variable<unknown>>;

type Name = keyof typeof variables;
type Given = Record<Name, string | null>;
type Values = { [Key in Name]: Exclude<ReturnType<(typeof variables)[Key]['parse']>, undefined> | null };

/** What the environment says where it is right, and a line for each variable that isn't. */
export interface ConfigReport {
  /** As if what is wrong had not been given. */
  readonly config: Config;
  /** Names of variables that are wrong or missing, each with what is wrong, an example, and never a secret. */
  readonly problems: ReadonlyMap<string, string>;
}

/**
 * Reads every variable that the server knows, here and nowhere else. An empty one counts as not given.
 *
 * @throws StartError with one line for each variable that is wrong or missing; never with a secret.
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const { config, problems } = inspectConfig(env);
  if (problems.size > 0) throw new StartError([...problems.values()].join('\n'));
  return config;
}

/** The same for who looks at a server that may not be able to start. */
export function inspectConfig(env: NodeJS.ProcessEnv): ConfigReport {
  const names = Object.keys(variables) as Name[];
  const given = Object.fromEntries(names.map((name) => [name, env[name]?.trim() || null])) as Given;
  const read = (name: Name) => (given[name] ? (variables[name].parse(given[name]) ?? null) : null);
  const values = Object.fromEntries(names.map((name) => [name, read(name)])) as Values;

  const wrong = names.filter((name) => given[name] && values[name] === null);
  const lines = wrong.map((name): [Name, string] => [name, wrongLine(name, given[name] ?? '')]);
  return { config: toConfig(values), problems: new Map([...lines, ...missingLines(given)]) };
}

function toConfig(values: Values): Config {
  const isProduction = values.NODE_ENV === 'production';
  const dataDir = values.DATA_DIR ?? resolve('.data');
  return {
    isProduction,
    host: values.HOST ?? (isProduction ? '0.0.0.0' : '127.0.0.1'),
    port: values.PORT ?? 4000,
    publicUrl: values.PUBLIC_URL,
    dataDir,
    databaseUrl: values.DATABASE_URL,
    // A database that somebody else runs is filled only where that was asked for, and production's never.
    seedDemo: !isProduction && (values.SEED_DEMO ? values.SEED_DEMO === 'true' : values.DATABASE_URL === null),
    clerk: toClerkConfig(values),
    adminClaim: values.ADMIN_CLAIM,
    corsOrigins: values.CORS_ORIGINS ?? (isProduction ? [] : 'localhost'),
    rateLimits: values.RATE_LIMITS ? values.RATE_LIMITS === 'on' : isProduction,
    introspection: values.GRAPHQL_INTROSPECTION ? values.GRAPHQL_INTROSPECTION === 'true' : !isProduction,
    redisUrl: values.REDIS_URL,
    storage: values.STORAGE_URL ?? { kind: 'disk', folder: resolve(dataDir, 'pictures') },
    pictures: toPictureConfig(values),
    clamav: values.CLAMAV_HOST && { ...values.CLAMAV_HOST, whenUnavailable: values.CLAMAV_UNAVAILABLE ?? 'refuse' },
    metricsToken: values.METRICS_TOKEN,
    logLevel: values.LOG_LEVEL ?? 'info',
  };
}

function toPictureConfig(values: Values): Config['pictures'] {
  return {
    atOnce: values.PICTURES_AT_ONCE ?? 2,
    waiting: values.PICTURES_WAITING ?? 64,
    versions: values.PICTURE_VERSIONS ?? 100,
    deletedDays: values.PICTURE_DELETED_DAYS ?? 30,
  };
}

function toClerkConfig(values: Values): Config['clerk'] {
  return {
    jwtKey: values.CLERK_JWT_KEY,
    secretKey: values.CLERK_SECRET_KEY,
    apiUrl: values.CLERK_API_URL,
    issuer: values.CLERK_ISSUER,
    authorizedParties: values.CLERK_AUTHORIZED_PARTIES ?? [],
    webhookSigningSecrets: values.CLERK_WEBHOOK_SIGNING_SECRET ?? [],
    mirrors: {
      metadata: values.CLERK_SECRET_KEY !== null && values.CLERK_MIRROR_METADATA === 'true',
      picture: values.CLERK_SECRET_KEY !== null && values.CLERK_MIRROR_PICTURE === 'true',
    },
  };
}

function missingLines(given: Given): [Name, string][] {
  if (given.NODE_ENV !== 'production') return [];
  const missing = (name: Name, what: string): [Name, string] => [
    name,
    `${name}: missing, and production needs it${what}.${exampleOf(name)}`,
  ];
  return [
    ...(given.DATABASE_URL ? [] : [missing('DATABASE_URL', '')]),
    ...(given.CLERK_JWT_KEY || given.CLERK_SECRET_KEY ? [] : [missing('CLERK_JWT_KEY', ' or CLERK_SECRET_KEY')]),
  ];
}

function wrongLine(name: Name, raw: string): string {
  return `${name}: expected ${variables[name].expected}; got ${describe(name, raw)}.${exampleOf(name)}`;
}

const exampleOf = (name: Name) => (variables[name].example ? ` Example: ${name}=${variables[name].example}` : '');

function describe(name: Name, raw: string): string {
  const { shown } = variables[name];
  const scheme = /^[a-z][a-z0-9]{1,11}:\/\//i.exec(raw)?.[0];
  if (shown === 'nothing' || (shown === 'scheme' && !scheme)) return 'something else, which is not shown';
  if (shown === 'scheme') return `"${scheme}…"`;
  const text = raw.replace(/\/\/[^/]*@/, '//…@').replace(/\p{C}/gu, '�');
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
