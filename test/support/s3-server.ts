import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bucket, nameOf, type Reply, route, type S3Object, toError } from './s3-routes.ts';
import { findForgery, type SignedRequest } from './s3-signature.ts';

/**
 * - `reset`: the connection ends without an answer
 * - `hanging`: nothing ever comes back
 * - `cut`: the connection ends in the middle of the answer
 * - `stall`: nothing more comes after the middle of the answer
 * - `damage`: a byte of what was sent arrives as another
 * - `status`: S3's own error
 * - `until`: answered rightly, later
 */
export type S3Fault =
  | 'reset'
  | 'hanging'
  | 'cut'
  | 'stall'
  | 'damage'
  | { status: number; code: string }
  | { until: Promise<unknown> };

interface FaultScope {
  /** How many requests go right first. */
  skip?: number;
  /** How many requests; all if left out. */
  times?: number;
  /** All if left out. */
  method?: string;
}

/**
 * Stands in for S3 over real HTTP: one bucket in memory, signatures verified, both ways to name the bucket.
 *
 * ```ts
 * const s3 = await createS3Server({ pageSize: 100 });
 * for (const [name, value] of Object.entries(s3.env)) vi.stubEnv(name, value); // the keys
 * const app = await createTestApp({ env: { STORAGE_URL: s3.url({ delivery: 'redirect' }) } });
 *
 * s3.objects.get('pictures/public/ab….webp')?.headers;
 * s3.failWith({ status: 503, code: 'SlowDown' }, { times: 1, method: 'PUT' }); // until recover()
 * await s3.goAway();                                                 // refuses connections, until comeBack()
 * s3.requests.length = 0;                                            // counted from here
 * await s3.close();
 * ```
 */
export interface S3Server {
  endpoint: string;
  /** For STORAGE_URL. */
  url(settings?: { prefix?: string; delivery?: 'proxy' | 'redirect'; pathStyle?: boolean }): string;
  /** The keys as Amazon's tools look for them, and no others, whatever this machine has. */
  env: Record<string, string>;
  objects: Map<string, S3Object>;
  /** In their order, faults included: the method and the object's name, or the bucket's. */
  requests: string[];
  /** As if the object had been put in 2020. */
  makeOld(name: string): void;
  /** Those that are open, and the most that were open at once. */
  connections: { open: number; most: number };
  failWith(fault: S3Fault, scope?: FaultScope): void;
  recover(): void;
  goAway(): Promise<void>;
  /** On the same port. */
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

export const longAgo = new Date('2020-01-01');

const keys = { accessKeyId: 'AKIDSTANDIN', secretAccessKey: 'of the stand-in', region: 'eu-test-1' };

export async function createS3Server({ pageSize = 1_000 } = {}): Promise<S3Server> {
  const objects: S3Server['objects'] = new Map();
  const requests: string[] = [];
  let faults: { fault: S3Fault; scope: FaultScope; skip: number; left: number }[] = [];
  const connections = { open: 0, most: 0 };

  const takeFault = (method: string): S3Fault | null => {
    const found = faults.find(({ scope, left }) => left > 0 && (scope.method ?? method) === method);
    if (!found) return null;
    if (found.skip > 0) {
      found.skip -= 1;
      return null;
    }
    found.left -= 1;
    return found.fault;
  };
  const replyTo = (request: SignedRequest, fault: S3Fault | null): Reply => {
    const name = nameOf(request);
    if (name === null) return toError('NoSuchBucket');
    if (isObject(fault) && 'code' in fault) return toError(fault.code, fault.status);
    const forgery = findForgery(request, keys);
    return forgery ? toError(forgery) : route(request, name, { objects, pageSize });
  };
  const answer = async (incoming: IncomingMessage, response: ServerResponse) => {
    const request = await readRequest(incoming);
    requests.push(`${request.method} ${nameOf(request) || bucket}`);
    const fault = takeFault(request.method);
    if (fault === 'reset') return void incoming.socket.destroy();
    if (fault === 'hanging') return;
    if (fault === 'damage') damage(request.body);
    if (isObject(fault) && 'until' in fault) await fault.until;
    const reply = replyTo(request, fault);
    if (fault === 'cut' || fault === 'stall') return sendHalf(response, reply, fault);
    response.writeHead(reply.status, { 'content-length': reply.body.length, ...reply.headers });
    response.end(request.method === 'HEAD' ? undefined : reply.body);
  };
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    answer(request, response).catch((error) => response.destroy(error));
  });
  server.on('connection', (socket) => {
    connections.open += 1;
    connections.most = Math.max(connections.most, connections.open);
    socket.on('close', () => {
      connections.open -= 1;
    });
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const stop = async () => {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  const port = await listen(0);

  return {
    endpoint: `http://127.0.0.1:${port}`,
    url({ prefix = 'pictures', delivery = 'proxy', pathStyle = true } = {}) {
      // A bucket can't stand before an IP address.
      const endpoint = `http://${pathStyle ? '127.0.0.1' : 'localhost'}:${port}`;
      const settings = new URLSearchParams({ region: keys.region, endpoint, delivery, pathStyle: String(pathStyle) });
      return `s3://${bucket}/${prefix}?${settings}`;
    },
    env: {
      AWS_ACCESS_KEY_ID: keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
      AWS_SESSION_TOKEN: '',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    },
    objects,
    requests,
    makeOld(name) {
      const object = objects.get(name);
      if (!object) throw new Error(`There is no ${name}.`);
      object.lastModified = longAgo;
      object.headers['x-amz-meta-put-at'] = longAgo.toISOString();
    },
    connections,
    failWith(fault, scope = {}) {
      faults.unshift({ fault, scope, skip: scope.skip ?? 0, left: scope.times ?? Number.POSITIVE_INFINITY });
    },
    recover() {
      faults = [];
    },
    goAway: stop,
    comeBack: async () => void (await listen(port)),
    close: stop,
  };
}

const isObject = (fault: S3Fault | null): fault is Exclude<S3Fault, string> =>
  fault !== null && typeof fault === 'object';

async function readRequest(incoming: IncomingMessage): Promise<SignedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const [path = '/', query = ''] = (incoming.url ?? '/').split('?');
  const { method = 'GET', headers } = incoming;
  return { method, path, query: new URLSearchParams(query), headers, body: Buffer.concat(chunks) };
}

function damage(body: Buffer): void {
  if (body.length > 0) body.writeUInt8(body.readUInt8(0) ^ 1, 0);
}

function sendHalf(response: ServerResponse, { status, headers, body }: Reply, fault: 'cut' | 'stall'): void {
  response.writeHead(status, { ...headers, 'content-length': body.length });
  response.write(body.subarray(0, body.length >> 1), () => fault === 'cut' && response.destroy());
}
