import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ClerkHealth } from '../modules/identity/clerk-health.ts';
import type { SweepHealth } from '../modules/picture/sweeps.ts';
import type { ScanOutcome } from '../platform/scanner.ts';
import { addClerkMetrics } from './clerk-metrics.ts';
import { addPictureMetrics } from './picture-metrics.ts';

export type Metrics = ReturnType<typeof createMetrics>;

/** What Prometheus reads. Labels are few and fixed: none holds an id, a path or anything else that a client chose. */
export function createMetrics(gauges: {
  openSockets(): number;
  liveSubscriptions(): number;
  clerkHealth(): Promise<ClerkHealth>;
  pictureSweep(): Promise<SweepHealth>;
}) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'visage_http_request_duration_seconds',
    help: 'Time from a request to its answer, in seconds.',
    labelNames: ['route', 'status'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [registry],
  });
  const statements = new Counter({
    name: 'visage_sql_statements_total',
    help: 'SQL statements sent to the database.',
    registers: [registry],
  });
  const rejectedWebhooks = new Counter({
    name: 'visage_clerk_webhooks_rejected_total',
    help: 'Webhooks that were refused since Clerk did not sign them, or too long ago.',
    registers: [registry],
  });
  const clerkSends = new Counter({
    name: 'visage_clerk_sends_total',
    help: 'What Clerk was told, or could not be told, by what and what came of it.',
    labelNames: ['kind', 'outcome'] as const,
    registers: [registry],
  });
  const scans = new Counter({
    name: 'visage_scans_total',
    help: 'Uploads that the virus scanner looked at, or could not, by what came of it.',
    labelNames: ['outcome'] as const,
    registers: [registry],
  });
  gauge(registry, 'visage_open_sockets', 'WebSockets that are open.', gauges.openSockets);
  gauge(
    registry,
    'visage_live_subscriptions',
    'Users that open subscriptions of this process are about.',
    gauges.liveSubscriptions,
  );
  addClerkMetrics(registry, gauges.clerkHealth);
  const countRemovedFiles = addPictureMetrics(registry, gauges.pictureSweep);
  return {
    contentType: registry.contentType,
    read: () => registry.metrics(),
    observeRequest: (route: string, status: number, seconds: number) =>
      requests.observe({ route, status: `${Math.floor(status / 100)}xx` }, seconds),
    countStatement: () => statements.inc(),
    countRejectedWebhook: () => rejectedWebhooks.inc(),
    rejectedWebhooks: async () => (await rejectedWebhooks.get()).values[0]?.value ?? 0,
    countRemovedFiles,
    countClerkSend: (kind: string, outcome: string) => clerkSends.inc({ kind, outcome }),
    countScan: (outcome: ScanOutcome) => scans.inc({ outcome }),
  };
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}
