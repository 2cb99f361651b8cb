import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands in for Clerk's Backend API, over real HTTP. */
export interface ClerkStandIn {
  /** For CLERK_API_URL. */
  url: string;
  /** Paths that were asked for, in their order. */
  requests: string[];
  /** What `GET /v1/jwks` answers; 'down' is an error, and 'hanging' nothing at all. */
  jwks: unknown;
  close(): Promise<void>;
}

/** Whoever has another secret key gets Clerk's refusal. */
export async function createClerk(secretKey: string): Promise<ClerkStandIn> {
  const server = createServer((request, response) => {
    clerk.requests.push(request.url ?? '');
    if (clerk.jwks === 'hanging') return;
    const isKnown = request.headers.authorization === `Bearer ${secretKey}` && request.url === '/v1/jwks';
    const status = clerk.jwks === 'down' ? 503 : isKnown ? 200 : 401;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(status === 200 ? clerk.jwks : { errors: [{ code: 'refused', message: 'No.' }] }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const clerk: ClerkStandIn = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    jwks: { keys: [] },
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return clerk;
}

/** Public keys (PEM, by `kid`) as Clerk publishes them. */
export const toJwks = (keys: Record<string, string>): { keys: object[] } => ({
  keys: Object.entries(keys).map(([kid, pem]) => ({
    ...createPublicKey(pem).export({ format: 'jwk' }),
    kid,
    use: 'sig',
    alg: 'RS256',
  })),
});
