import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';
import { StartError } from '../src/errors.ts';

const pem = { type: 'spki', format: 'pem' } as const;
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwtKey = publicKey.export(pem).toString();
const databaseUrl = 'postgresql://visage:hunter2@db.example.com:5432/visage';
const production = { NODE_ENV: 'production', CLERK_JWT_KEY: jwtKey, DATABASE_URL: databaseUrl };

function complaintsOf(env: NodeJS.ProcessEnv): string[] {
  try {
    readConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(StartError);
    return (error as StartError).message.split('\n');
  }
  return [];
}

describe('without any variable', () => {
  test('the server starts for development, by itself', () => {
    expect(readConfig({})).toEqual({
      isProduction: false,
      host: '127.0.0.1',
      port: 4000,
      publicUrl: null,
      dataDir: resolve('.data'),
      databaseUrl: null,
      seedDemo: true,
      clerk: {
        jwtKey: null,
        secretKey: null,
        apiUrl: null,
        issuer: null,
        authorizedParties: [],
        webhookSigningSecrets: [],
        mirrors: { metadata: false, picture: false },
      },
      adminClaim: null,
      corsOrigins: 'localhost',
      rateLimits: false,
      introspection: true,
      redisUrl: null,
      storage: { kind: 'disk', folder: resolve('.data/pictures') },
      pictures: { atOnce: 2, waiting: 64, versions: 100, deletedDays: 30 },
      clamav: null,
      metricsToken: null,
      logLevel: 'info',
    });
  });

  test('an empty value counts as not given', () => {
    const names = Object.keys(exampleVariables());
    expect(readConfig(Object.fromEntries(names.map((name) => [name, ' '])))).toEqual(readConfig({}));
  });

  test('test behaves as development', () => {
    expect(readConfig({ NODE_ENV: 'test' })).toEqual(readConfig({}));
  });
});

describe('in production', () => {
  test('every convenience of development is off', () => {
    expect(readConfig({ ...production, SEED_DEMO: 'true' })).toMatchObject({
      isProduction: true,
      host: '0.0.0.0',
      seedDemo: false,
      corsOrigins: [],
      rateLimits: true,
      introspection: false,
    });
  });

  test('a start without database or key is refused, with a line for each', () => {
    const lines = complaintsOf({ NODE_ENV: 'production' });
    expect(lines).toEqual([
      expect.stringMatching(/^DATABASE_URL: missing.*Example: DATABASE_URL=postgresql:/),
      expect.stringMatching(/^CLERK_JWT_KEY: missing.*CLERK_SECRET_KEY.*Example: CLERK_JWT_KEY=/),
    ]);
  });

  test("Clerk's secret key is enough to verify tokens", () => {
    const { clerk } = readConfig({ ...production, CLERK_JWT_KEY: '', CLERK_SECRET_KEY: 'sk_live_x' });
    expect(clerk).toMatchObject({ jwtKey: null, secretKey: 'sk_live_x' });
  });

  test('a key that is wrong is not called missing too', () => {
    expect(complaintsOf({ ...production, CLERK_JWT_KEY: 'no key' })).toHaveLength(1);
  });
});

test('a database given in development is not filled with demo data unless that is asked for', () => {
  expect(readConfig({ DATABASE_URL: databaseUrl }).seedDemo).toBe(false);
  expect(readConfig({ DATABASE_URL: databaseUrl, SEED_DEMO: 'true' }).seedDemo).toBe(true);
  expect(readConfig({ SEED_DEMO: 'false' }).seedDemo).toBe(false);
});

describe('values that are read', () => {
  const escapedKey = jwtKey.replaceAll('\n', '\\n');
  const secrets = 'whsec_c2VjcmV0IG9uZQ==, whsec_c2VjcmV0IHR3bw==';
  test.each<[NodeJS.ProcessEnv, object]>([
    [
      { PORT: '0', HOST: '::1' },
      { port: 0, host: '::1' },
    ],
    [{ PORT: '65535' }, { port: 65_535 }],
    [{ PUBLIC_URL: 'https://Visage.example.com/' }, { publicUrl: 'https://visage.example.com' }],
    [{ PUBLIC_URL: 'https://example.com/visage//' }, { publicUrl: 'https://example.com/visage' }],
    [
      { DATA_DIR: 'some/where' },
      { dataDir: resolve('some/where'), storage: { folder: resolve('some/where/pictures') } },
    ],
    [{ STORAGE_URL: 'file:///srv/my%20pictures/' }, { storage: { kind: 'disk', folder: '/srv/my pictures' } }],
    [
      { STORAGE_URL: 's3://visage-pictures' },
      {
        storage: {
          kind: 's3',
          bucket: 'visage-pictures',
          prefix: '',
          region: 'us-east-1',
          endpoint: null,
          pathStyle: false,
          delivery: 'proxy',
        },
      },
    ],
    [
      { STORAGE_URL: 'S3://my.bucket//some/where_else//?region=eu-central-1&delivery=redirect' },
      { storage: { bucket: 'my.bucket', prefix: 'some/where_else/', region: 'eu-central-1', delivery: 'redirect' } },
    ],
    [
      { STORAGE_URL: 's3://bucket/?endpoint=http://minio:9000/' },
      { storage: { prefix: '', endpoint: 'http://minio:9000', pathStyle: true } },
    ],
    [
      { STORAGE_URL: 's3://bucket?endpoint=https%3A%2F%2Fabc.r2.example&region=auto&pathStyle=false' },
      { storage: { endpoint: 'https://abc.r2.example', region: 'auto', pathStyle: false } },
    ],
    [{ REDIS_URL: 'redis://localhost' }, { redisUrl: 'redis://localhost' }],
    [{ REDIS_URL: 'rediss://visage:hunter2@cache:6380/1' }, { redisUrl: 'rediss://visage:hunter2@cache:6380/1' }],
    [
      { DATABASE_URL: 'postgres:///visage?host=/run/postgresql' },
      { databaseUrl: 'postgres:///visage?host=/run/postgresql' },
    ],
    [{ CLERK_JWT_KEY: jwtKey }, { clerk: { jwtKey } }],
    [{ CLERK_JWT_KEY: escapedKey }, { clerk: { jwtKey } }],
    [{ CLERK_API_URL: 'http://localhost:9999/' }, { clerk: { apiUrl: 'http://localhost:9999' } }],
    [{ CLERK_ISSUER: 'https://clerk.example.com/' }, { clerk: { issuer: 'https://clerk.example.com/' } }],
    [
      { CLERK_AUTHORIZED_PARTIES: 'https://a.example, b' },
      { clerk: { authorizedParties: ['https://a.example', 'b'] } },
    ],
    [{ CLERK_WEBHOOK_SIGNING_SECRET: secrets }, { clerk: { webhookSigningSecrets: secrets.split(', ') } }],
    [{ CLERK_MIRROR_PICTURE: 'true' }, { clerk: { mirrors: { metadata: false, picture: false } } }],
    [
      { CLERK_SECRET_KEY: 'sk_test_1', CLERK_MIRROR_PICTURE: 'true', CLERK_MIRROR_METADATA: 'false' },
      { clerk: { mirrors: { metadata: false, picture: true } } },
    ],
    [{ ADMIN_CLAIM: 'metadata.role=admin=yes' }, { adminClaim: { path: ['metadata', 'role'], value: 'admin=yes' } }],
    [{ CORS_ORIGINS: 'https://A.example:443,http://b:1' }, { corsOrigins: ['https://a.example', 'http://b:1'] }],
    [{ CORS_ORIGINS: 'capacitor://localhost' }, { corsOrigins: ['capacitor://localhost'] }],
    [
      { RATE_LIMITS: 'on', GRAPHQL_INTROSPECTION: 'false' },
      { rateLimits: true, introspection: false },
    ],
    [
      { METRICS_TOKEN: 'x', LOG_LEVEL: 'silent' },
      { metricsToken: 'x', logLevel: 'silent' },
    ],
  ])('%j', (env, expected) => {
    expect(readConfig(env)).toMatchObject(expected);
  });
});

describe('a wrong value ends the start with one line: its name, what is wrong, an example', () => {
  const ecKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export(pem).toString();
  const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const secret = 'whsec_c2VjcmV0';
  test.each([
    ['NODE_ENV', 'staging', 'Production'],
    ['PORT', '-1', '65536', '1e3', '80 80', '0x50', 'abc'],
    ['HOST', 'a b', 'http://localhost', '[::1]'],
    ['PUBLIC_URL', 'example.com', 'ftp://example.com', 'https://a/?b', 'https://u:p@a', 'https://'],
    ['DATABASE_URL', 'mysql://a/b', 'localhost', 'postgres://u:p#w@host/db', 'postgres://u:p@host:port/db'],
    ['SEED_DEMO', 'yes', '1', 'TRUE'],
    ['CLERK_JWT_KEY', 'x', ecKey, privatePem, jwtKey.slice(0, 200)],
    ['CLERK_SECRET_KEY', 'pk_live_x', 'sk_', 'sk_live_ x'],
    ['CLERK_API_URL', 'api.clerk.com', 'https://a#b'],
    ['CLERK_ISSUER', 'clerk.example.com'],
    ['CLERK_AUTHORIZED_PARTIES', ',', 'a,,b', 'a b'],
    ['CLERK_WEBHOOK_SIGNING_SECRET', 'c2VjcmV0', 'whsec_', 'whsec_!', 'whsec_abc', `${secret},${secret},${secret}`],
    ['ADMIN_CLAIM', 'admin', '=admin', 'role=', 'a..b=c', '.a=b'],
    ['CORS_ORIGINS', '*', 'null', 'https://a.example/', 'https://a.example/b', 'a.example', 'https://*.a.example', ','],
    ['RATE_LIMITS', 'true', 'ON'],
    ['GRAPHQL_INTROSPECTION', 'on'],
    ['REDIS_URL', 'localhost:6379', 'http://localhost:6379', 'redis://', 'redis://a b'],
    ['STORAGE_URL', 'file://host/a', '/srv', 'file:///a%00b', 'file:///a%2Fb', 'https://bucket.s3.amazonaws.com'],
    ['STORAGE_URL', 's3://', 's3:///a', 's3://Bucket', 's3://a', 's3://my_bucket', 's3://bucket:9000', 's3://-bucket'],
    ['STORAGE_URL', 's3://key:secret@bucket', 's3://bucket?accessKeyId=a', 's3://bucket?Region=eu', 's3://bucket#a'],
    ['STORAGE_URL', 's3://bucket?region=eu/x', 's3://bucket?region=a.b', 's3://bucket/a b', 's3://bucket/%zz'],
    ['STORAGE_URL', 's3://bucket/%00', 's3://bucket/a%2fb', 's3://bucket?pathStyle=1', 's3://bucket?delivery=direct'],
    [
      'STORAGE_URL',
      's3://bucket?endpoint=',
      's3://bucket?endpoint=minio:9000',
      's3://bucket?endpoint=http://u:p@minio',
    ],
    ['METRICS_TOKEN', 'a b', 'ä'],
    ['LOG_LEVEL', 'verbose', 'INFO'],
  ])('%s', (name, ...values) => {
    for (const value of values) {
      const lines = complaintsOf({ [name]: value });
      expect(lines, value).toHaveLength(1);
      expect(lines[0], value).toMatch(new RegExp(`^${name}: expected .+; got .+\\.`));
      expect(lines[0], value).toContain(` Example: ${name}=`);
    }
  });

  test('all of them at once', () => {
    const lines = complaintsOf({ PORT: 'x', HOST: ' / ', LOG_LEVEL: 'loud', NODE_ENV: 'production' });
    expect(lines.map((line) => line.split(':')[0])).toEqual([
      'PORT',
      'HOST',
      'LOG_LEVEL',
      'DATABASE_URL',
      'CLERK_JWT_KEY',
    ]);
  });
});

test.each([
  ['DATABASE_URL', 'postgres://visage:hunter2 @host/db'],
  ['DATABASE_URL', 'hunter2'],
  ['DATABASE_URL', 'mysql://visage:hunter2@host/db'],
  ['REDIS_URL', 'redis://:hunter2 @host'],
  ['STORAGE_URL', 's3://bucket?secret=hunter2'],
  ['STORAGE_URL', 's3://AKIA:hunter2@bucket'],
  ['PUBLIC_URL', 'https://visage:hunter2@example.com'],
  ['CLERK_SECRET_KEY', 'hunter2'],
  ['CLERK_WEBHOOK_SIGNING_SECRET', 'hunter2'],
  ['CLERK_JWT_KEY', '-----BEGIN PRIVATE KEY-----hunter2'],
  ['METRICS_TOKEN', 'hunter2 hunter2'],
])('no complaint about %s repeats a secret (%s)', (name, value) => {
  const complaint = complaintsOf({ [name]: value }).join('\n');
  expect(complaint).toContain(name);
  expect(complaint).not.toContain('hunter2');
});

test('a long or unprintable value stays on its line, shortened', () => {
  const [line, ...more] = complaintsOf({ LOG_LEVEL: `\u001b[31m\u0085\n${'x'.repeat(10_000)}` });
  expect(more).toEqual([]);
  expect(line?.length).toBeLessThan(250);
  expect(line).not.toMatch(/\p{Cc}/u);
});

test('.env.example lists every variable, and its values are accepted', () => {
  const examples = exampleVariables();
  const {
    NODE_ENV: mode,
    CLERK_JWT_KEY: key,
    CLERK_WEBHOOK_SIGNING_SECRET: hook,
    CLERK_SECRET_KEY: _,
    ...rest
  } = examples;
  expect([mode, key?.startsWith('"-----BEGIN PUBLIC KEY-----'), hook]).toEqual(['development', true, 'whsec_…']);
  expect(complaintsOf(rest)).toEqual([]);
  for (const name of Object.keys(examples)) {
    // A line break is right nowhere, so that the name is known by the complaint.
    expect(complaintsOf({ [name]: name === 'DATA_DIR' ? '' : 'a\nb' }).length, name).toBe(name === 'DATA_DIR' ? 0 : 1);
  }
});

function exampleVariables(): Record<string, string> {
  const lines = readFileSync('.env.example', 'utf8').matchAll(/^# ([A-Z_]+)=(.*)$/gm);
  return Object.fromEntries(Array.from(lines, ([, name = '', value = '']) => [name, value]));
}
