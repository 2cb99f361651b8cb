import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { signJwt } from '@clerk/backend/jwt';
import pg from 'pg';
import { installPeers } from '../bench/install-peers.ts';
import { seedSteps } from '../src/commands/seed-statements.ts';
import { startEmbeddedPostgres } from '../src/platform/embedded-postgres.ts';
import { applyMigrations } from '../src/platform/migrations.ts';
import type { Newcomer } from './bench-live/crowd.ts';

/**
 * Measures live updates against `ws` alone, which sends the same bytes, both in one run and in turns: what a socket with one
 * subscription costs, and when one change of a picture has arrived at all who follow it. Visage runs compiled, as in
 * production. `npm run bench:live`, and beside Mercurius too: `npm run bench:live -- --mercurius`
 */
const { values } = parseArgs({
  options: {
    sockets: { type: 'string', default: '10000' },
    followers: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '30' },
    mercurius: { type: 'boolean', default: false },
  },
});
const [sockets, followers, rounds] = [Number(values.sockets), Number(values.followers), Number(values.rounds)];
const root = join(import.meta.dirname, '..');
const serverArgv = ['--expose-gc', '--import', './scripts/bench-live/usage.mjs'];
const celebrity = 'user_seed_1';
/** Opened before anything is measured, so that what is there once doesn't count. */
const early = 500;

const folder = await mkdtemp(join(tmpdir(), 'visage-bench-'));
await chmod(folder, 0o711);
const postgres = await startEmbeddedPostgres({ folder: join(folder, 'postgres'), settings: { max_connections: '50' } });
const children: ChildProcess[] = [];
try {
  await measure();
} finally {
  for (const child of children) child.kill();
  await postgres.close();
  await rm(folder, { recursive: true, force: true });
}

async function measure() {
  const { connectionString } = postgres;
  await applyMigrations({ connectionString, folder: join(root, 'prisma/migrations') });
  const client = new pg.Client({ connectionString });
  // Where something fails, the database is stopped while this is still open.
  client.on('error', () => undefined);
  await client.connect();
  for (const { statement, values } of seedSteps({ users: sockets + early + 1, follows: 0, events: 0 })) {
    await client.query(statement.text, values);
  }
  const keys = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const people = await Promise.all(Array.from({ length: sockets + early }, (_, at) => sign(at + 2, keys.privateKey)));
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' });
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: '0',
    DATABASE_URL: connectionString,
    STORAGE_URL: `file://${folder}`,
    CLERK_JWT_KEY: keys.publicKey,
    RATE_LIMITS: 'off',
  };
  const visage = await createSide('Visage', start('dist/main.js', { env }), people);
  const bare = await createSide('ws alone', start('scripts/bench-live/bare.mjs', { args: [celebrity] }), people);
  const mercurius = values.mercurius
    ? await createSide('Mercurius', await startMercurius(connectionString, keys.publicKey), people)
    : null;

  let tail = '';
  const fire = (announce: string) =>
    client.query(
      `with changed as (update users set picture_revision = picture_revision + 1 where id = $1
       returning id, picture_revision)
       select ${announce} from changed`,
      [celebrity],
    );
  const announce = `pg_notify('visage', json_build_object(
    'topic', 'picture', 'userId', id, 'revision', picture_revision)::text)`;
  for (let round = -5; round < rounds; round++) {
    const sent = await visage.round(() => fire(announce), round >= 0);
    tail = sent.slice(sent.indexOf(',') + 1);
    await bare.round(async () => void bare.server.send({ tail }), round >= 0);
    await mercurius?.round(() => fire(`pg_notify('picture_of_mercurius', id)`), round >= 0);
  }
  await client.end();
  print([visage, bare, ...(mercurius ? [mercurius] : [])], tail.length + 44);
}

async function startMercurius(connectionString: string, publicKey: string): Promise<ChildProcess> {
  await installPeers(['mercurius']);
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    PORT: '0',
    PUBLIC_URL: 'http://127.0.0.1',
    DATABASE_URL: connectionString,
    PUBLIC_KEY: publicKey,
    SCHEMA: join(root, 'schema.graphql'),
  };
  return start('bench/candidates/mercurius-live.mjs', { env });
}

async function sign(n: number, privateKey: string): Promise<Newcomer> {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iat: now,
    nbf: now,
    exp: now + 3600,
    iss: 'https://clerk.bench',
    sub: `user_seed_${n}`,
    sid: `s${n}`,
  };
  const token = await signJwt(claims, privateKey, { algorithm: 'RS256', header: { typ: 'JWT', kid: 'bench' } });
  // The first ones follow somebody, all others themselves.
  return { token, userId: n <= followers + 1 ? celebrity : `user_seed_${n}` };
}

interface Memory {
  rss: number;
  heap: number;
}

type Side = Awaited<ReturnType<typeof createSide>>;

/** A server with its crowd. */
async function createSide(name: string, server: ChildProcess, people: Newcomer[]) {
  const address = await readAddress(server);
  const crowd = start('scripts/bench-live/crowd.ts', { execArgv: ['--import', 'tsx'] });
  const enter = async (newcomers: Newcomer[]) => {
    crowd.send({ url: `ws://${address}/graphql`, newcomers });
    await once(crowd, 'message');
    // Their subscriptions have begun, and what they began with was collected.
    await delay(2_000);
  };
  const memory = async () => {
    server.send('memory');
    return ((await once(server, 'message')) as [Memory])[0];
  };
  await enter(people.slice(sockets));
  const before = await memory();
  await enter(people.slice(0, sockets));
  const after = await memory();
  const latencies: number[][] = [];
  const cpuMs = async () => {
    server.send('cpu');
    const [{ user, system }] = (await once(server, 'message')) as [NodeJS.CpuUsage];
    return (user + system) / 1000;
  };
  const events = { cpuMs: 0 };
  return {
    name,
    server,
    latencies,
    events,
    kilobytes: { rss: (after.rss - before.rss) / sockets / 1000, heap: (after.heap - before.heap) / sockets / 1000 },
    /** Fires one event, and waits until it has arrived everywhere; answers the last message. */
    async round(fire: () => Promise<unknown>, counts: boolean): Promise<string> {
      crowd.send({ expect: followers });
      await delay(200);
      const cpuBefore = await cpuMs();
      const startedAt = Number(process.hrtime.bigint() / 1000n);
      const arrived = once(crowd, 'message') as Promise<[{ arrivals: number[]; last: string }]>;
      await fire();
      const [{ arrivals, last }] = await arrived;
      if (last.includes('"errors"')) throw new Error(`Expected an update from ${name}, and got ${last}`);
      const afterMs = arrivals.map((at) => (at - startedAt) / 1000).sort((a, b) => a - b);
      const cpu = (await cpuMs()) - cpuBefore;
      if (counts) {
        latencies.push(afterMs);
        events.cpuMs += cpu;
      }
      return last;
    },
  };
}

interface StartOptions {
  args?: string[];
  env?: NodeJS.ProcessEnv;
  execArgv?: string[];
}

function start(file: string, { args = [], env, execArgv = serverArgv }: StartOptions): ChildProcess {
  const child = fork(join(root, file), args, {
    cwd: root,
    execArgv,
    ...(env && { env }),
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  children.push(child);
  return child;
}

/** Where a server listens, as the first thing that it prints which has an address in it says. */
async function readAddress({ stdout }: ChildProcess): Promise<string> {
  if (!stdout) throw new Error('Expected a server whose output is read.');
  for await (const line of createInterface(stdout)) {
    const [, address] = /http:\/\/([\d.]+:\d+)/.exec(line) ?? [];
    if (address) return address;
  }
  throw new Error('The server ended before it listened.');
}

/** The middle one, of what each round gave. */
function percentile(latencies: number[][], share: number): number {
  const those = latencies.map((times) => times[Math.ceil(times.length * share) - 1] ?? 0).sort((a, b) => a - b);
  return those[Math.floor(those.length / 2)] ?? 0;
}

function print(sides: Side[], bytes: number) {
  const rows: [string, (side: Side) => number, string][] = [
    [`memory a socket of ${sockets} with one subscription`, ({ kilobytes }) => kilobytes.rss, 'kB'],
    ['heap of that', ({ kilobytes }) => kilobytes.heap, 'kB'],
    [`one event to ${followers} sockets, CPU of the server`, ({ events }) => events.cpuMs / rounds, 'ms'],
    [`one event to ${followers} sockets, p50`, ({ latencies }) => percentile(latencies, 0.5), 'ms'],
    [`one event to ${followers} sockets, p99`, ({ latencies }) => percentile(latencies, 0.99), 'ms'],
  ];
  const [visage, ...others] = sides as [Side, ...Side[]];
  const lines = rows.map(([what, read, unit]) => {
    const ours = read(visage);
    const theirs = others.map((side) => `${read(side).toFixed(1)} ${unit} | ${(ours / read(side)).toFixed(2)}`);
    return `| ${what} | ${ours.toFixed(1)} ${unit} | ${theirs.join(' | ')} |`;
  });
  const head = others.map(({ name }) => `${name} | Visage's part of it`);
  const machine = `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}`;
  process.stdout.write(
    `${machine}; ${rounds} rounds in turns, ${bytes} bytes a message\n\n| | Visage | ${head.join(' | ')} |\n| --- | --- | ${head.map(() => '--- | ---').join(' | ')} |\n${lines.join('\n')}\n`,
  );
}
