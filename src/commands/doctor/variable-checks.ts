import type { Config, ConfigReport } from '../../config.ts';
import { type Finding, ok, skipped, warning } from './examination.ts';

/** What the variables come to, or a finding for each that is wrong. */
export function checkVariables({ config, problems }: ConfigReport): Finding[] {
  if (problems.size > 0) return Array.from(problems.values(), (line): Finding => ({ status: 'failed', found: line }));
  const database = config.databaseUrl ? 'the database of DATABASE_URL' : 'the embedded database';
  return [ok(`${config.isProduction ? 'production' : 'development'}, with ${database}`)];
}

/** Whether clients can use the addresses that the server gives them. */
export function checkPublicUrl({ isProduction, publicUrl }: Config): Finding {
  if (!publicUrl) {
    const found = 'PUBLIC_URL is not set: addresses of pictures begin with the host and port of this machine';
    return isProduction ? warning(found, 'Set it to the address that clients use') : ok(found);
  }
  const { protocol, hostname } = new URL(publicUrl);
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
  if (isProduction && isLocal) return warning(publicUrl, 'Clients elsewhere cannot reach this address');
  if (isProduction && protocol === 'http:') return warning(publicUrl, 'Browsers refuse http:// in pages of https://');
  return ok(publicUrl);
}

/** Which pages may ask. */
export function checkCors({ corsOrigins }: Config): Finding {
  if (corsOrigins === 'localhost') return ok('pages of any port of this machine may ask');
  if (corsOrigins.length > 0) return ok(`pages of ${corsOrigins.join(', ')} may ask`);
  return warning('no page of another origin may ask', 'Set CORS_ORIGINS to the origins of your browser apps');
}

/** Who may read metrics. */
export function checkMetrics({ isProduction, metricsToken }: Config): Finding {
  if (metricsToken) return ok('METRICS_TOKEN opens /metrics and the detail of /health/ready');
  return isProduction ? skipped('no METRICS_TOKEN: /metrics is closed') : ok('open, as in development');
}

/** Whose tokens are taken. */
export function checkTokens({ isProduction, clerk }: Config): Finding {
  const limits = [
    ...(clerk.issuer ? [`issuer ${clerk.issuer}`] : []),
    ...(clerk.authorizedParties.length > 0 ? [`authorized parties ${clerk.authorizedParties.join(', ')}`] : []),
  ];
  if (clerk.authorizedParties.length > 0) return ok(`tokens are taken of ${limits.join(' and ')}`);
  const found = 'tokens are taken whichever app of the Clerk instance they were made for';
  return isProduction ? warning(found, 'Set CLERK_AUTHORIZED_PARTIES to the origins of your apps') : ok(found);
}
