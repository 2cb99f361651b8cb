import { OpenAPIHono } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import { badUserInput, NotFoundError } from '../../errors.ts';
import type { Log } from '../../platform/log.ts';
import { methodNotAllowed, withApiErrors } from '../api-errors.ts';
import type { HttpHandler, HttpReply, HttpRequest } from '../exchange.ts';
import type { RestEnv, RestServices } from './admission.ts';
import { addPictureRoutes } from './picture-routes.ts';
import { addUserRoutes } from './user-routes.ts';

type Rest = OpenAPIHono<RestEnv>;

export interface RestOptions extends RestServices {
  /** Where clients reach the server; known once it listens. */
  publicUrl(): string;
  /** The page to try it; null in production. */
  docs: HttpHandler | null;
  log: Log;
}

const documentPath = '/api/openapi.json';
const docsPath = '/api/docs';

/** What is below `/api`, for systems that can't speak GraphQL: the same services, under the same policies. */
export function createRest({ publicUrl, docs, log, ...services }: RestOptions): HttpHandler {
  const rest: Rest = new OpenAPIHono({ getPath });
  addUserRoutes(rest);
  addPictureRoutes(rest);
  addDocument(rest, publicUrl);
  refuseOtherMethods(rest);
  rest.notFound(() => {
    throw new NotFoundError('There is nothing at this address.');
  });
  // All errors are answered in one place, and that is outside. Those of hono's own parsers are the client's.
  rest.onError((error) => {
    throw error instanceof HTTPException ? badUserInput('Expected a body that is what its type says.') : error;
  });
  return withApiErrors(async (request) => {
    const isForDocs = request.path === docsPath || request.path.startsWith(`${docsPath}/`);
    if (docs && isForDocs) return docs(request);
    return toReply(await rest.fetch(toWebRequest(request), { ...services, request }));
  }, log);
}

/** As it came: with dots and escapes resolved, an address that a proxy keeps closed would have a second name. */
const getPath = (_: Request, { env }: { env?: object } = {}): string => (env as RestEnv['Bindings']).request.path;

/** Made from the routes themselves, once an address. */
function addDocument(rest: Rest, publicUrl: () => string): void {
  rest.openAPIRegistry.registerComponent('securitySchemes', 'sessionToken', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: "A session token of Clerk's. The user is always the token's, whatever a body says.",
  });
  let made: { url: string; document: object } | null = null;
  const documentAt = (url: string) => {
    if (made?.url !== url) made = { url, document: rest.getOpenAPI31Document({ ...head, servers: [{ url }] }) };
    return made.document;
  };
  rest.get(documentPath, (c) => c.json(documentAt(publicUrl())));
}

const head = {
  openapi: '3.1.0',
  info: {
    title: 'Visage',
    version: '1.0.0',
    description:
      'Users and their pictures, for systems that can not speak GraphQL. The whole API is at `/graphql`. An error is always `{ code, message, fields? }`.',
    license: { name: 'MIT', identifier: 'MIT' },
  },
  tags: [
    { name: 'User', description: 'The user of the token.' },
    { name: 'Picture', description: 'Pictures: changed by their owner, seen by anyone.' },
  ],
};

function refuseOtherMethods(rest: Rest): void {
  const methods = new Map<string, Set<string>>();
  for (const { path, method } of rest.routes) methods.set(path, (methods.get(path) ?? new Set()).add(method));
  for (const [path, known] of methods) {
    const allowed = known.has('GET') ? [...known, 'HEAD'] : [...known];
    rest.all(path, () => toResponse(methodNotAllowed(allowed)));
  }
}

/** Of others no web request can be made; they are refused as another one is that nobody takes. */
const webMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Without the body, which is read when it is known that it is wanted. */
const toWebRequest = ({ method, path, query, signal }: HttpRequest) =>
  new Request(`http://localhost${path}${query}`, { method: webMethods.includes(method) ? method : 'OPTIONS', signal });

const toResponse = ({ body, status, headers = {} }: HttpReply) => new Response(body as string, { status, headers });

async function toReply(response: Response): Promise<HttpReply> {
  const headers = { ...Object.fromEntries(response.headers), 'cache-control': 'no-store' };
  return { status: response.status, headers, body: Buffer.from(await response.arrayBuffer()) };
}
