import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { RequestError, serviceUnavailable } from '../errors.ts';
import { PrismaClient } from '../generated/prisma/client.ts';
import type { Log } from './log.ts';

/** Prisma inside a transaction: everything but opening another. */
export type Transaction = Parameters<Parameters<PrismaClient['$transaction']>[0]>[0];

/** A statement that PostgreSQL plans once a connection, and that logs and tests know by its name. */
export interface Statement {
  name: string;
  text: string;
  /** Makes a row of what the database answers, where that isn't one already. */
  toRow?: (answered: never) => object;
}

/** The one connection pool, which named statements and Prisma share. */
export interface Database {
  prisma: PrismaClient;
  /** Runs a named statement. Throws SERVICE_UNAVAILABLE when the database is away. */
  query<Row extends object>(statement: Statement, values: unknown[]): Promise<Row[]>;
  /** Several writes or none; tried again, at most three times, after a deadlock or a serialization failure. */
  transaction<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result>;
  /** Throws SERVICE_UNAVAILABLE unless the database answers. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** How long a request may wait for a connection while all are busy. */
const poolWaitMs = 10_000;

export interface DatabaseOptions {
  connectionString: string;
  log: Log;
  /** Connections at most; default 10: more are worth nothing on a few cores. */
  poolSize?: number;
  /** After which PostgreSQL ends a statement; default 15 s, 0 for never. */
  statementTimeoutMs?: number;
  /** What this process writes is announced to all through Redis, for which it waits in the database; default: by NOTIFY. */
  announcesByRedis?: boolean;
  /** Called with each statement that is sent, Prisma's own included. */
  onStatement?: ((sql: string) => void) | undefined;
  /** Called when something that may have announced a change is committed. */
  onAnnounced?: (() => void) | undefined;
}

/** Opens the pool; connections are made when they are first needed. */
export function createDatabase({
  connectionString,
  log,
  poolSize = 10,
  statementTimeoutMs = 15_000,
  announcesByRedis = false,
  onStatement,
  onAnnounced,
}: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString,
    max: poolSize,
    // Without it pg waits for a connection for ever.
    connectionTimeoutMillis: poolWaitMs,
    idleTimeoutMillis: 30_000,
    statement_timeout: statementTimeoutMs,
    // Prisma's adapter drops the offset of a timestamptz, so that sessions have to be in UTC. On today's disks an index is
    // worth more than the planner's default of 4 has it: with that it sorts a long list rather than walk its index.
    options: `-c TimeZone=UTC -c random_page_cost=1.1${announcesByRedis ? ' -c visage.announcements=redis' : ''}`,
    types: { getTypeParser: toTypeParser },
    Client: observedClient({
      onStatement(sql) {
        log.debug({ sql }, 'statement');
        onStatement?.(sql);
      },
      onAnnounced,
      // A server that is frozen doesn't end its statements itself.
      silenceLimitMs: (statementTimeoutMs * 4) / 3,
    }),
  });
  pool.on('error', (error) => log.warn({ error }, 'an idle database connection was lost'));
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool, { statementNameGenerator: createStatementNames() }) });

  return {
    prisma,
    async query<Row extends object>({ name, text, toRow }: Statement, values: unknown[]): Promise<Row[]> {
      try {
        const { rows } = await pool.query({ name, text, values });
        return (toRow ? rows.map((row) => toRow(row as never)) : rows) as Row[];
      } catch (error) {
        throw toKnownError(error);
      }
    },
    transaction: (work) =>
      translated(() => retried(() => prisma.$transaction(work, { maxWait: poolWaitMs, timeout: 15_000 }))),
    check: () => translated(async () => void (await pool.query('select 1'))),
    close: async () => {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}

/**
 * As pg reads values, but for times: its parser takes the text apart by expressions, which for a page of events is as much
 * as all the rest. Sessions are in UTC, so nearly all times look the same; those of other ages pg reads.
 */
const toTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === pg.types.builtins.TIMESTAMPTZ && format !== 'binary'
    ? readTime
    : pg.types.getTypeParser(oid, format as 'text');

const readPgTime: (text: string) => Date = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ);
/** `2026-11-21 18:00:00.123+00`, with up to six decimals or none. */
const usualTime = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?\+00$/;

function readTime(text: string): Date {
  // JavaScript's own parser knows the form of ISO 8601 alone.
  return usualTime.test(text) ? new Date(`${text.slice(0, 10)}T${text.slice(11, -3)}Z`) : readPgTime(text);
}

interface Observer {
  onStatement(sql: string): void;
  onAnnounced: (() => void) | undefined;
  /** How long an answer may take before its connection is given up; 0: for ever. */
  silenceLimitMs: number;
}

/**
 * A pg client that tells of each statement, whoever sends it, and of the end of what announces something; and that gives up a
 * connection on which no answer comes. pg's own `query_timeout` makes a timer for each statement, and in a way by which V8
 * keeps each answer until it looks through the old (decision 37).
 */
function observedClient({ onStatement, onAnnounced, silenceLimitMs }: Observer): typeof pg.Client {
  return class ObservedClient extends pg.Client {
    #hasAnnounced = false;
    #isWaiting = false;
    #patience: NodeJS.Timeout | undefined;

    constructor(config?: pg.ClientConfig) {
      super(config);
      // After each statement, and so after the commit of a transaction, too.
      this.connection.on('readyForQuery', ({ status }: { status: string }) => {
        this.#patience?.refresh();
        if (status === 'I' && this.#hasAnnounced) this.#tellOfAnnouncement();
      });
      // Nothing is queued behind it.
      this.on('drain', () => {
        this.#isWaiting = false;
      });
      this.once('end', () => clearTimeout(this.#patience));
    }

    /** One timer for all statements of a connection. What is queued behind others waits from when it is sent. */
    #expectAnswer(): void {
      if (silenceLimitMs === 0 || this.#isWaiting) return;
      this.#isWaiting = true;
      this.#patience = this.#patience?.refresh() ?? setTimeout(() => this.#giveUp(), silenceLimitMs).unref();
    }

    #giveUp(): void {
      if (this.#isWaiting) this.connection.stream.destroy(new Error('Connection terminated: no answer came'));
    }

    #tellOfAnnouncement(): void {
      this.#hasAnnounced = false;
      onAnnounced?.();
    }

    // biome-ignore lint/suspicious/noExplicitAny: pg's query has nine overloads; this one passes through what came.
    override query(...args: any[]): any {
      const [config] = args;
      const sql: string = typeof config === 'string' ? config : config.text;
      onStatement(sql);
      this.#expectAnswer();
      if (onAnnounced && sql.includes('visage_announce(')) this.#hasAnnounced = true;
      // biome-ignore lint/suspicious/noExplicitAny: as above.
      return (super.query as any)(...args);
    }
  };
}

/** Names for Prisma's statements, so that PostgreSQL plans each once; bounded, since their texts are made at run time. */
function createStatementNames(limit = 500) {
  const names = new Map<string, string>();
  return ({ sql }: { sql: string }) => {
    if (!names.has(sql) && names.size >= limit) return '';
    const name = names.get(sql) ?? `prisma_${names.size}`;
    names.set(sql, name);
    return name;
  };
}

async function retried<Result>(work: () => Promise<Result>, tries = 3): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (tries > 1 && transientCodes.has(databaseCode(error) ?? '')) return retried(work, tries - 1);
    throw error;
  }
}

async function translated<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw toKnownError(error);
  }
}

const toKnownError = (error: unknown): unknown =>
  !(error instanceof RequestError) && isDatabaseAway(error) ? serviceUnavailable('The database', error) : error;

/** Serialization failure and deadlock (PostgreSQL), write conflict (Prisma): the same work may succeed when done again. */
const transientCodes = new Set(['40001', '40P01', 'P2034']);

/**
 * Says that the server can't be reached, is going down or doesn't let us in: what PostgreSQL calls FATAL, its classes 08
 * (connection) and 57P (shutdown), 53300 (too many connections), Node's socket errors, Prisma's P1xxx.
 */
function isDatabaseAway(error: unknown): boolean {
  if ((error as { severity?: unknown } | null)?.severity === 'FATAL') return true;
  const code = databaseCode(error) ?? '';
  if (
    /^(08...|57P0.|53300|E(CONN|PIPE|HOSTUNREACH|NETUNREACH|TIMEDOUT|NOTFOUND|AI_AGAIN).*|P1\d{3}|P2024|P2028)$/.test(
      code,
    )
  )
    return true;
  return /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/.test(
    error instanceof Error ? error.message : '',
  );
}

/** PostgreSQL's SQLSTATE where there is one, however deep Prisma has wrapped it; else the outermost code. */
export function databaseCode(error: unknown): string | undefined {
  const layers: { code?: unknown; originalCode?: unknown; cause?: unknown; meta?: { driverAdapterError?: unknown } }[] =
    [];
  for (let layer = error; layer && typeof layer === 'object' && layers.length < 8; ) {
    const known = layer as (typeof layers)[number];
    layers.push(known);
    layer = known.meta?.driverAdapterError ?? known.cause;
  }
  const codes = layers
    .flatMap(({ originalCode, code }) => [originalCode, code])
    .filter((code) => typeof code === 'string');
  return codes.find((code) => /^[0-9A-Z]{5}$/.test(code) && !/^P\d{4}$/.test(code)) ?? codes[0];
}
