import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ClerkFault, type ClerkFaultScope, createClerkFaults, toFaultyAnswer } from './clerk-faults.ts';
import {
  type ClerkAnswer,
  type ClerkPictureFile,
  type ClerkRequest,
  createClerkRoutes,
  type RawClerkRequest,
  toError,
} from './clerk-routes.ts';
import { type ClerkUserInput, type ClerkUserJson, createClerkUsers } from './clerk-users.ts';
import {
  type ClerkDelivery,
  type DeliveryOptions,
  deliver,
  toDeleted,
  toDelivery,
  type WebhookTarget,
} from './clerk-webhooks.ts';
import type { Reply } from './http.ts';

/**
 * Stands in for Clerk: its Backend API over real HTTP, and its sender of webhooks.
 *
 * ```ts
 * const clerk = await createClerkApi();
 * const app = await createTestApp({ env: clerk.env });
 *
 * const ada = clerk.addUser({ username: 'ada', email: 'ada@example.com', firstName: 'Ada' }); // Clerk's own JSON
 * clerk.changeUser(ada.id, { firstName: 'Augusta' });                 // updated_at moves
 * clerk.removeUser(ada.id);                                           // GET answers Clerk's 404
 * clerk.user(ada.id)?.username;
 *
 * const created = clerk.webhook('user.created', ada);                 // any type and data; a user's state as given
 * await clerk.deliver(app, created);                                  // by fetch, or to an address; answers status and text
 * await clerk.deliver(app, created);                                  // once more, with the same svix-id
 * await clerk.deliver(app, created, { secrets: [otherSecret] });      // wrong; two secrets sign it twice
 * await clerk.deliver(app, created, { at: new Date(Date.now() - 3_600_000) }); // stale
 * await clerk.deliver(app, clerk.webhook('user.deleted', ada));       // { id, object, deleted } is all that is sent
 *
 * clerk.failWith('reset');                                            // until recover(); { times, skip, method, path } narrow it
 * clerk.failWith({ status: 429, retryAfter: 1 }, { times: 3 });
 * clerk.recover();
 * await clerk.goAway();                                               // refuses connections, until comeBack()
 *
 * clerk.requests;                                                     // what was asked: method, path, query, body
 * await clerk.close();
 * ```
 */
export interface ClerkApi {
  /** For CLERK_API_URL. */
  url: string;
  secretKey: string;
  /** What it signs webhooks with, whsec_…. */
  webhookSecret: string;
  /** CLERK_SECRET_KEY, CLERK_API_URL and CLERK_WEBHOOK_SIGNING_SECRET, for a server that is to talk to this. */
  env: Record<string, string>;
  /** What `GET /v1/jwks` answers. */
  jwks: unknown;
  /** What was asked for, in its order; faults included. */
  requests: ClerkRequest[];
  addUser(input?: ClerkUserInput): ClerkUserJson;
  changeUser(id: string, input: ClerkUserInput): ClerkUserJson;
  removeUser(id: string): void;
  user(id: string): ClerkUserJson | undefined;
  /** Users whom lists leave out, though they are there. */
  unlisted: Set<string>;
  /** What was uploaded as a user's profile image. */
  picture(id: string): ClerkPictureFile | undefined;
  /** Of the next requests, all or those that `scope` describes, go wrong. The newest fault that fits is the one. */
  failWith(fault: ClerkFault, scope?: ClerkFaultScope): void;
  /** No more faults. */
  recover(): void;
  /** Refuses connections, and ends what is open. */
  goAway(): Promise<void>;
  /** On the same port. */
  comeBack(): Promise<void>;
  webhook(type: string, data: object): ClerkDelivery;
  deliver(target: WebhookTarget, delivery: ClerkDelivery, options?: DeliveryOptions): Promise<Reply>;
  close(): Promise<void>;
}

export async function createClerkApi({ secretKey = 'sk_test_stand_in' } = {}): Promise<ClerkApi> {
  const users = createClerkUsers();
  const pictures = new Map<string, ClerkPictureFile>();
  const unlisted = new Set<string>();
  const route = createClerkRoutes({ users, unlisted, pictures, jwks: () => clerk.jwks });
  const faults = createClerkFaults();

  const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = await readRequest(incoming);
    clerk.requests.push(request);
    const wrong = await toFaultyAnswer(faults.take(request), response);
    if (wrong === 'nothing') return;
    const isKnown = incoming.headers.authorization === `Bearer ${secretKey}`;
    send(response, wrong ?? (isKnown ? await route(request) : toError(401, 'clerk_key_invalid')));
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => response.destroy(error));
  });
  const listen = async (port: number): Promise<number> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  const port = await listen(0);
  const url = `http://127.0.0.1:${port}`;
  const webhookSecret = `whsec_${Buffer.from('the stand-in signs webhooks').toString('base64')}`;

  const clerk: ClerkApi = {
    url,
    secretKey,
    webhookSecret,
    env: { CLERK_SECRET_KEY: secretKey, CLERK_API_URL: url, CLERK_WEBHOOK_SIGNING_SECRET: webhookSecret },
    jwks: { keys: [] },
    requests: [],
    addUser: users.add,
    changeUser: users.change,
    removeUser: users.remove,
    user: users.find,
    unlisted,
    picture: (id) => pictures.get(id),
    failWith: faults.add,
    recover: faults.clear,
    goAway: stop,
    comeBack: async () => void (await listen(port)),
    webhook: (type, data) => toDelivery(type, type === 'user.deleted' ? toDeleted(data as ClerkUserJson) : data),
    deliver: (target, delivery, options = {}) => deliver(target, delivery, { secrets: [webhookSecret], ...options }),
    close: stop,
  };
  return clerk;
}

async function readRequest(incoming: IncomingMessage): Promise<RawClerkRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://clerk.test');
  const type = incoming.headers['content-type'] ?? '';
  const body = type === 'application/json' && bytes.length > 0 ? JSON.parse(bytes.toString()) : null;
  return { method: incoming.method ?? 'GET', path: pathname, query: searchParams, body, type, bytes };
}

function send(response: ServerResponse, answer: ClerkAnswer): void {
  const isJson = 'body' in answer;
  // Clerk's client reads JSON only where the type is this and nothing more.
  const type = isJson ? 'application/json' : 'text/html';
  response.writeHead(answer.status, { 'content-type': type, ...answer.headers });
  response.end(isJson ? JSON.stringify(answer.body) : answer.html);
}
