import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestApp, generateKeys, type TestApp } from './support/app.ts';
import { postJson, send } from './support/http.ts';

const production = () => ({
  NODE_ENV: 'production',
  CLERK_JWT_KEY: generateKeys().publicKey,
  METRICS_TOKEN: 'operators-only',
});
const operator = { headers: { authorization: 'Bearer operators-only' } };

let app: TestApp;
let closed: TestApp;
beforeAll(async () => {
  app = await createTestApp();
  await app.listen();
  closed = await createTestApp({ env: production() });
});
afterAll(() => Promise.all([app.close(), closed.close()]));

const ready = async (server: TestApp, init?: RequestInit) => {
  const { status, text } = await send(server, '/health/ready', init);
  return { status, ...JSON.parse(text) };
};

test('a process that runs is live, whatever else is away', async () => {
  const { status, text, headers } = await send(app, '/health/live');
  expect([status, JSON.parse(text), headers.get('cache-control')]).toEqual([200, { status: 'ok' }, 'no-store']);
});

describe('readiness', () => {
  test('is there once the server listens to its database', async () => {
    await expect
      .poll(() => ready(app))
      .toEqual({
        status: 'ok',
        notReady: [],
        checks: { database: true, storage: true, pubsub: true, running: true },
      });
    expect((await send(app, '/health/ready')).status).toBe(200);
  });

  test('is 503 with what is away: the store', async () => {
    const beside = await createTestApp();
    await rm(beside.folder, { recursive: true });
    await expect.poll(() => ready(beside)).toMatchObject({ status: 'not ready', notReady: ['storage'] });
    expect((await send(beside, '/health/ready')).status).toBe(503);
    expect((await send(beside, '/health/live')).status).toBe(200);
    await beside.close();
  });

  test('is 503 with what is away: the database, and what listens to it', async () => {
    const beside = await createTestApp({ parts: { connectionString: 'postgresql://nobody@127.0.0.1:9/nothing' } });
    const { status, text } = await send(beside, '/health/ready');
    expect([status, JSON.parse(text).notReady]).toEqual([503, ['database', 'pubsub']]);
    expect((await send(beside, '/health/live')).status).toBe(200);
    await beside.close();
  });

  test('is 503 while the server stops', async () => {
    const beside = await createTestApp({ beside: app });
    const stopping = beside.close();
    expect((await send(beside, '/health/ready')).status).toBe(503);
    await stopping;
  });

  test('shows its detail in production to operators only', async () => {
    await expect.poll(() => ready(closed)).toEqual({ status: 'ok', notReady: [] });
    expect(await ready(closed, operator)).toMatchObject({ checks: { database: true } });
    expect(await ready(closed, { headers: { authorization: 'Bearer other' } })).not.toHaveProperty('checks');
  });
});

describe('metrics', () => {
  test('are open in development', async () => {
    await postJson(app, { query: '{ me { id } }' });
    const { status, text, headers } = await send(app, '/metrics');
    expect([status, headers.get('content-type')]).toEqual([200, expect.stringContaining('text/plain; version=0.0.4')]);
    expect(text).toMatch(/^visage_http_request_duration_seconds_count\{route="\/graphql",status="2xx"\} [1-9]/m);
    expect(text).toMatch(/^visage_sql_statements_total \d+$/m);
    expect(text).toMatch(/^visage_open_sockets 0$/m);
  });

  test('name no address that a client made up', async () => {
    await send(app, '/made-up?token=secret');
    await send(app, '/pictures/made-up');
    const { text } = await send(app, '/metrics');
    expect(text).not.toMatch(/made-up|secret/);
  });

  test('need the token in production', async () => {
    expect((await send(closed, '/metrics', operator)).status).toBe(200);
    for (const authorization of [
      '',
      'Bearer',
      'Bearer other',
      'Bearer operators-onlY',
      'Bearer operators-only2',
      'operators-only',
      'Basic operators-only',
    ]) {
      expect((await send(closed, '/metrics', { headers: { authorization } })).status).toBe(401);
    }
    expect((await send(closed, '/metrics')).status).toBe(401);
  });

  test('are closed in production without a token, and to "null" too', async () => {
    const { METRICS_TOKEN: _, ...env } = production();
    const tokenless = await createTestApp({ env });
    for (const authorization of ['Bearer null', 'Bearer undefined', 'Bearer ', 'Bearer']) {
      expect((await send(tokenless, '/metrics', { headers: { authorization } })).status).toBe(401);
    }
    await tokenless.close();
  });
});

describe('GraphiQL', () => {
  const browser = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } };

  test('is there for browsers in development', async () => {
    const { status, headers } = await send(app, '/graphql', browser);
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    const home = await send(app, '/', browser);
    expect([home.status, home.headers.get('location')]).toEqual([302, '/graphql']);
  });

  test('is not in production, where introspection is off too', async () => {
    const { status, headers, text } = await send(closed, '/graphql', browser);
    expect([status, headers.get('content-type')]).toEqual([403, 'application/json; charset=utf-8']);
    expect(text).not.toContain('<');
    expect((await send(closed, '/', browser)).status).toBe(404);
    expect((await postJson(closed, { query: '{ __schema { queryType { name } } }' })).code).toBe(
      'GRAPHQL_VALIDATION_FAILED',
    );
  });
});
