import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestApp, generateKeys, type TestApp } from './support/app.ts';
import { type ClerkApi, createClerkApi } from './support/clerk-api.ts';
import { createCuttable } from './support/cuttable.ts';
import { postJson, send } from './support/http.ts';

const production = () => ({
  NODE_ENV: 'production',
  CLERK_JWT_KEY: generateKeys().publicKey,
  METRICS_TOKEN: 'operators-only',
});
const eventually = { timeout: 60_000 };
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
        clerk: {
          webhook: { lastAcceptedAgeSeconds: null, rejectedSignatures: 0 },
          usernameConflicts: 0,
          pendingSends: { count: 0, oldestAgeSeconds: null },
          lastReconciliation: null,
        },
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
    expect([status, JSON.parse(text)]).toMatchObject([503, { notReady: ['database', 'pubsub'], clerk: null }]);
    const metrics = await send(beside, '/metrics');
    expect([metrics.status, metrics.text]).toEqual([200, expect.not.stringMatching(/^visage_clerk_webhook_age/m)]);
    expect((await send(beside, '/health/live')).status).toBe(200);
    await beside.close();
  });

  test('is 503, and metrics are there, while the database has nothing to say, long before it is given up', async () => {
    const link = await createCuttable(app.database.connectionString);
    const beside = await createTestApp({ beside: app, parts: { connectionString: link.connectionString } });
    await expect.poll(() => ready(beside), eventually).toMatchObject({ status: 'ok' });
    link.freeze();
    const givenUp = beside.platform.db.check().catch(() => 'the database was given up');
    const first = await Promise.race([ready(beside), givenUp]);
    expect(first).toMatchObject({ status: 'not ready', notReady: expect.arrayContaining(['database']), clerk: null });
    const { text } = (await Promise.race([send(beside, '/metrics'), givenUp])) as { text: string };
    expect(text).toMatch(/^visage_open_sockets 0$/m);
    expect(text).not.toMatch(/^visage_clerk_webhook_age/m);
    await link.cut();
    await beside.close();
  });

  test('is looked for once, however many ask at the same moment', async () => {
    closed.takeStatements();
    const replies = await Promise.all(Array.from({ length: 50 }, () => ready(closed)));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set(['ok']));
    expect(closed.takeStatements().filter((sql) => sql === 'select 1')).toHaveLength(1);
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
    const stranger = await ready(closed, { headers: { authorization: 'Bearer other' } });
    expect(Object.keys(stranger)).toEqual(['status', 'notReady']);
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

describe('what operators see of Clerk', () => {
  let clerk: ClerkApi;
  let connected: TestApp;
  beforeAll(async () => {
    clerk = await createClerkApi();
    connected = await createTestApp({ env: clerk.env });
  });
  afterAll(async () => {
    await connected.close();
    await clerk.close();
  });

  const detail = async (server = connected) => (await ready(server)).clerk;
  const metric = async (name: string, server = connected) =>
    new RegExp(`^visage_clerk_${name} (\\S+)$`, 'm').exec((await send(server, '/metrics')).text)?.[1];

  test('is that no webhook ever came, so that a dead route shows', async () => {
    expect(await detail()).toMatchObject({ webhook: { lastAcceptedAgeSeconds: null } });
    expect(await metric('webhook_age_seconds')).toBe('+Inf');
    expect(await metric('reconciliation_age_seconds')).toBe('+Inf');
    expect(await metric('reconciliation_drift')).toBeUndefined();
  });

  test('is how long ago the last webhook was accepted, whatever it was about, after a restart too', async () => {
    const { prisma } = connected.platform.db;
    const delivery = clerk.webhook('session.created', { id: 'sess_1' });
    await clerk.deliver(connected, delivery);
    expect((await detail()).webhook.lastAcceptedAgeSeconds).toBeGreaterThanOrEqual(0);
    const receivedAt = new Date(Date.now() - 3_600_000);
    await prisma.webhookDelivery.update({ where: { id: delivery.id }, data: { receivedAt } });
    const restarted = await createTestApp({ beside: connected, env: clerk.env });
    for (const server of [connected, restarted]) {
      expect((await detail(server)).webhook.lastAcceptedAgeSeconds).toBeGreaterThanOrEqual(3_600);
      expect(Number(await metric('webhook_age_seconds', server))).toBeGreaterThanOrEqual(3_600);
    }
    await restarted.close();
  });

  test('is how many webhooks bore a wrong signature, which make none look accepted', async () => {
    const before = await detail();
    const delivery = clerk.webhook('user.created', clerk.addUser());
    await clerk.deliver(connected, delivery, { secrets: ['whsec_d3Jvbmc='] });
    await clerk.deliver(connected, delivery, { secrets: [] });
    const { webhook } = await detail();
    expect(webhook.rejectedSignatures).toBe(before.webhook.rejectedSignatures + 2);
    expect(webhook.lastAcceptedAgeSeconds).toBeGreaterThanOrEqual(before.webhook.lastAcceptedAgeSeconds);
    expect(await metric('webhooks_rejected_total')).toBe(String(webhook.rejectedSignatures));
  });

  test('is how often a username could not be taken over', async () => {
    const user = clerk.addUser({ username: 'admin' });
    await clerk.deliver(connected, clerk.webhook('user.created', user));
    expect((await detail()).usernameConflicts).toBe(1);
    expect(await metric('username_conflicts')).toBe('1');
  });

  test('is what Clerk is yet to be told, and for how long', async () => {
    // Clerk is away, and the wish is an hour old.
    clerk.failWith('reset');
    const entry = { userId: 'user_x', kind: 'USERNAME' as const, createdAt: new Date(Date.now() - 3_600_000) };
    const nextAttemptAt = new Date(Date.now() + 3_600_000);
    await connected.platform.db.prisma.outboxEntry.create({ data: { ...entry, nextAttemptAt } });
    const { pendingSends } = await detail();
    expect(pendingSends.count).toBe(1);
    expect(pendingSends.oldestAgeSeconds).toBeGreaterThanOrEqual(3_600);
    expect(await metric('pending_sends')).toBe('1');
    expect(Number(await metric('oldest_pending_send_age_seconds'))).toBeGreaterThanOrEqual(3_600);
    clerk.recover();
  });

  test('is what the last comparison found', async () => {
    const finishedAt = new Date(Date.now() - 60_000);
    const { prisma } = connected.platform.db;
    await prisma.reconciliation.create({ data: { finishedAt, created: 2, changed: 3, erased: 1, failed: 1 } });
    // One that is under way says nothing yet.
    await prisma.reconciliation.create({ data: { created: 100 } });
    const { lastReconciliation } = await detail();
    expect(lastReconciliation).toMatchObject({ drift: 7, failed: 1 });
    expect(lastReconciliation.ageSeconds).toBeGreaterThanOrEqual(60);
    expect(await metric('reconciliation_drift')).toBe('7');
  });

  test('never makes a server unready', async () => {
    await expect.poll(async () => (await ready(connected)).status).toBe('ok');
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
