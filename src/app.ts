import { once } from 'node:events';
import type { Config } from './config.ts';
import type { Context, RequestFacts } from './graphql/context.ts';
import { type Authenticated, createAuthentication } from './http/authentication.ts';
import type { BodyTimes } from './http/body-reader.ts';
import { createClerkWebhook } from './http/clerk-webhook.ts';
import { isAllowedOrigin, withCors } from './http/cors.ts';
import { createEventStreams } from './http/event-streams.ts';
import { createExportHandler } from './http/export.ts';
import { createFetch } from './http/fetch-handler.ts';
import { createGraphiQL } from './http/graphiql.ts';
import { createGraphQLHandler } from './http/graphql.ts';
import { listen, toHostName } from './http/listen.ts';
import { createMetrics } from './http/metrics.ts';
import { createNodeServer } from './http/node-server.ts';
import { createRestDocs } from './http/rest/docs.ts';
import { createRest } from './http/rest/rest.ts';
import { createRouter } from './http/router.ts';
import { createWebSocketServer, type WebSocketOptions } from './http/websocket.ts';
import { createGraphQL } from './http/yoga.ts';
import { createAdministratorReads } from './modules/audit/administrator-reads.ts';
import { createExports } from './modules/export/service.ts';
import { readClerkHealth } from './modules/identity/clerk-health.ts';
import { createFirstRequests } from './modules/identity/first-request.ts';
import { readSweepHealth } from './modules/picture/sweeps.ts';
import { createSessionSightings } from './modules/picture/sync-sessions-sightings.ts';
import { revisionStatements } from './modules/user/live.ts';
import { createLiveUsers, createUserLoader } from './modules/user/loaders.ts';
import { deletedAmong } from './modules/user/queries.ts';
import { createAnnouncements } from './platform/announcements.ts';
import { createClerk } from './platform/clerk-client.ts';
import { createClerkGate } from './platform/clerk-gate.ts';
import type { SigningKeys } from './platform/clerk-keys.ts';
import { createDatabase } from './platform/database.ts';
import { createDeletedUsers } from './platform/deleted-users.ts';
import { createImageProcessor } from './platform/images.ts';
import { createLiveBus, topics } from './platform/live-bus.ts';
import type { createLog } from './platform/log.ts';
import { openPictureStore } from './platform/open-picture-store.ts';
import { createPictureLine } from './platform/picture-line.ts';
import type { Platform } from './platform/platform.ts';
import { createRateLimits } from './platform/rate-limits.ts';
import { createScanner } from './platform/scanner.ts';
import { createSessionTokens } from './platform/session-tokens.ts';
import { within } from './platform/time-limit.ts';
import { schema } from './schema.ts';
import { createWorkers } from './workers.ts';

/** How long requests in flight may take to finish when the server stops. */
const drainMs = 10_000;

/** How long pictures of clients who left may take after that; what is left behind has no row yet. */
const lastPicturesMs = 3_000;

export interface App {
  platform: Platform;
  /** The whole server without a port. */
  fetch(request: Request): Promise<Response>;
  /** Opens the port, and answers the address that clients use. Throws StartError where it can't be had. */
  listen(): Promise<string>;
  /** Finishes what is in flight and lets go of everything. */
  close(): Promise<void>;
}

export interface AppOptions {
  config: Config;
  connectionString: string;
  keys: SigningKeys;
  log: ReturnType<typeof createLog>;
  /** A token that GraphiQL starts with; null for none. */
  demoToken?: () => Promise<string | null>;
  /** Called with each SQL statement. */
  onStatement?: (sql: string) => void;
  /** How long a body may take, where it differs from the default. */
  bodyTimes?: BodyTimes;
  /** How long server-sent events outlive their token; `graceMs` if left out. */
  streamGraceMs?: number;
  /** How long a subscriber may take nothing of what waits for them; the defaults if left out. */
  stuckAfterMs?: number;
  /** Times of WebSockets that differ from the defaults. */
  sockets?: Pick<WebSocketOptions, 'graceMs' | 'pingEveryMs'>;
}

/** Builds the platform, and the server upon it. */
export async function createApp(options: AppOptions): Promise<App> {
  const { config, connectionString, keys, log, demoToken, onStatement, sockets } = options;
  const metrics = createMetrics({
    openSockets: () => webSockets.openSockets(),
    liveSubscriptions: () => topics.reduce((count, topic) => count + platform.live.subscribedUserIds(topic).length, 0),
    clerkHealth: () => readClerkHealth(platform),
    pictureSweep: () => readSweepHealth(platform),
  });
  // Loaded where it is used alone: its client's many files take a seventh of the time of a start.
  const redis =
    config.redisUrl === null ? null : (await import('./platform/redis.ts')).createRedis({ url: config.redisUrl, log });
  const db = createDatabase({
    connectionString,
    log,
    announcesByRedis: redis !== null,
    onStatement: (sql) => {
      metrics.countStatement();
      onStatement?.(sql);
    },
    ...(redis && { onAnnounced: () => announcements.passOn() }),
  });
  const platform: Platform = {
    db,
    live: createLiveBus(),
    deletedUsers: createDeletedUsers(),
    rateLimits: createRateLimits({ isOn: config.rateLimits, redis }),
    // Whoever gets as far as this has stood in the line: a second one that could be full would contradict it.
    images: createImageProcessor({ concurrency: config.pictures.atOnce, queueLimit: Number.POSITIVE_INFINITY }),
    pictureLine: createPictureLine(config.pictures),
    pictures: openPictureStore(config.storage),
    scanner: config.clamav && createScanner({ ...config.clamav, log, onScan: metrics.countScan }),
    clerk: config.clerk.secretKey
      ? createClerk({ secretKey: config.clerk.secretKey, apiUrl: config.clerk.apiUrl, log })
      : null,
    clerkGate: createClerkGate(),
    mirrors: config.clerk.mirrors,
    pictureRetention: config.pictures,
  };
  const sightings = createSessionSightings(platform);
  const announcements = createAnnouncements({
    connectionString,
    redis,
    db,
    live: platform.live,
    deletedUsers: platform.deletedUsers,
    log,
    revisions: revisionStatements,
    deletedAmong,
    onWork: (work) => workers.wake(work),
  });
  const { countClerkSend: onAttempt, countRemovedFiles: onRemoved } = metrics;
  const workers = createWorkers({ platform, sightings, log, onAttempt, onRemoved });

  let publicUrl = config.publicUrl ?? `http://${toHostName(config.host)}:${config.port}`;
  let isStopping = false;
  const liveUsers = createLiveUsers(db);
  const toContext = ({ viewer, users }: Authenticated, request: RequestFacts): Context => {
    const reads = createAdministratorReads(db);
    const administratorReads = viewer?.isAdministrator ? reads : null;
    const reading = { viewAs: request.viewAs, administratorReads };
    // All of it by name: what is added to a copy makes it an object of the slow kind.
    return {
      requestId: request.requestId,
      userAgent: request.userAgent,
      viewAs: request.viewAs,
      viewer,
      platform,
      users: viewer && (request.viewAs || administratorReads) ? createUserLoader(db, viewer.id, reading) : users,
      reads,
      liveUsers,
      sightings,
      publicUrl,
      log,
    };
  };
  const shared = {
    graphql: createGraphQL({ schema, introspection: config.introspection, log }),
    authentication: createAuthentication({
      tokens: createSessionTokens({ keys, ...config.clerk }),
      db,
      deletedUsers: platform.deletedUsers,
      firstRequests: createFirstRequests({ ...platform, log }),
      adminClaim: config.adminClaim,
    }),
    rateLimits: platform.rateLimits,
    deletedUsers: platform.deletedUsers,
    toContext,
    log,
  };
  const { streamGraceMs, stuckAfterMs } = options;
  const eventStreams = createEventStreams({
    graceMs: streamGraceMs,
    stuckAfterMs,
    deletedUsers: platform.deletedUsers,
  });
  const handle = withCors(
    createRouter({
      graphql: createGraphQLHandler({ ...shared, eventStreams }),
      export: createExportHandler({ ...shared, exports: createExports({ ...platform, log }) }),
      graphiql: config.isProduction ? null : createGraphiQL(demoToken ?? (async () => null)),
      rest: createRest({
        ...shared,
        publicUrl: () => publicUrl,
        docs: config.isProduction ? null : createRestDocs(demoToken ?? (async () => null)),
      }),
      clerkWebhook: createClerkWebhook({
        signingSecrets: config.clerk.webhookSigningSecrets,
        platform,
        onRejected: metrics.countRejectedWebhook,
        log,
      }),
      readiness: {
        platform,
        isListening: announcements.isListening,
        isStopping: () => isStopping,
        clerkHealth: () => readClerkHealth(platform),
        rejectedWebhooks: metrics.rejectedWebhooks,
      },
      metrics,
      operators: { token: config.metricsToken, isOpen: !config.isProduction && config.metricsToken === null },
      pictures: platform.pictures,
      log,
    }),
    config.corsOrigins,
  );
  const server = createNodeServer(handle, options.bodyTimes);
  const webSockets = createWebSocketServer(server, {
    ...shared,
    ...sockets,
    db,
    stuckAfterMs,
    isAllowedOrigin: (origin) => isAllowedOrigin(origin, config.corsOrigins) || origin === new URL(publicUrl).origin,
  });

  return {
    platform,
    fetch: createFetch(handle),
    async listen() {
      const port = await listen(server, config);
      publicUrl = config.publicUrl ?? `http://${toHostName(config.host)}:${port}`;
      return publicUrl;
    },
    async close() {
      isStopping = true;
      const isClosed = server.listening ? once(server, 'close') : Promise.resolve();
      server.close();
      server.closeIdleConnections();
      eventStreams.close();
      await webSockets.close();
      platform.live.close();
      const workIsDone = workers.close();
      const cutOff = setTimeout(() => server.closeAllConnections(), drainMs);
      await isClosed;
      clearTimeout(cutOff);
      await within(lastPicturesMs, platform.pictureLine.drain()).catch(() => undefined);
      await workIsDone;
      await announcements.close();
      await redis?.close();
      await platform.pictures.close();
      await db.close();
    },
  };
}
