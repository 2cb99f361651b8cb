import pg from 'pg';

/** As Visage's: as many connections, and the same settings. */
export const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  max: 10,
  idleTimeoutMillis: 30_000,
  options: '-c TimeZone=UTC -c random_page_cost=1.1',
});

/**
 * Runs a statement that PostgreSQL plans once a connection.
 *
 * @param {{ name: string, text: string }} statement
 * @param {unknown[]} values
 */
export const queryPrepared = async (statement, values) => (await pool.query({ ...statement, values })).rows;

/** As the documentation of pg has it, of Fastify, and of nearly every example: the text and its values. */
const queryPlain = async ({ text }, values) => (await pool.query(text, values)).rows;

/** How Mercurius and Apollo Server read; prepared where that is asked for. */
export const query = process.env.PREPARED ? queryPrepared : queryPlain;
