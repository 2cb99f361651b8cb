import { createHash, createPublicKey } from 'node:crypto';
import { type ClerkUserJson, type ClerkUsers, madeByClerk } from './clerk-users.ts';

export interface ClerkRequest {
  method: string;
  /** Without the query. */
  path: string;
  query: URLSearchParams;
  /** Of JSON. */
  body: unknown;
}

/** JSON, but for what isn't from Clerk. */
export type ClerkAnswer = { status: number; headers?: Record<string, string> } & ({ body: unknown } | { html: string });

/** A profile image as it was uploaded. */
export interface ClerkPictureFile {
  name: string;
  type: string;
  bytes: Buffer;
}

interface Stand {
  users: ClerkUsers;
  unlisted: ReadonlySet<string>;
  pictures: Map<string, ClerkPictureFile>;
  jwks: () => unknown;
}

/** A request with its body as it came. */
export type RawClerkRequest = ClerkRequest & { type: string; bytes: Buffer };

const ok = (body: unknown): ClerkAnswer => ({ status: 200, body });

/** Clerk's errors, in Clerk's shape. */
export const toError = (status: number, code: string, paramName?: string): ClerkAnswer => ({
  status,
  body: {
    errors: [
      {
        message: code.replaceAll('_', ' '),
        long_message: `${code.replaceAll('_', ' ')}, at length`,
        code,
        meta: paramName ? { param_name: paramName } : {},
      },
    ],
    clerk_trace_id: 'f00dcafe',
  },
});

/** Answers what Clerk's Backend API v1 would. */
export function createClerkRoutes(stand: Stand): (request: RawClerkRequest) => ClerkAnswer | Promise<ClerkAnswer> {
  const { users, jwks } = stand;
  return (request) => {
    const { method, path } = request;
    if (path === '/v1/jwks') return ok(jwks());
    if (path === '/v1/users' && method === 'GET') return listUsers(stand, request);
    if (path === '/v1/users/count') {
      return ok({ object: 'total_count', total_count: selectUsers(stand, request).length });
    }
    const [, id = '', part = ''] = /^\/v1\/users\/([^/]+)(?:\/(\w+))?$/.exec(path) ?? [];
    const user = users.find(id);
    const handle = ofUser[`${method} ${part}`.trim()];
    return handle && user ? handle(stand, user, request) : toError(404, 'resource_not_found');
  };
}

function selectUsers({ users, unlisted }: Stand, { query }: ClerkRequest): readonly ClerkUserJson[] {
  const ids = new Set(query.getAll('user_id'));
  const after = Number(query.get('created_at_after') ?? Number.NEGATIVE_INFINITY);
  return users
    .all()
    .filter(({ id, created_at }) => created_at > after && (ids.size === 0 || ids.has(id)) && !unlisted.has(id));
}

function listUsers(stand: Stand, request: ClerkRequest): ClerkAnswer {
  const [limit, offset] = [Number(request.query.get('limit') ?? 10), Number(request.query.get('offset') ?? 0)];
  if (!(limit >= 1 && limit <= 500)) return toError(422, 'form_param_value_invalid', 'limit');
  if (request.query.getAll('user_id').length > 100) return toError(422, 'form_param_exceeds_allowed_size', 'user_id');
  const all = selectUsers(stand, request);
  const sorted = request.query.get('order_by') === '+created_at' ? all : all.toReversed();
  return ok(sorted.slice(offset, offset + limit));
}

const ofUser: Record<
  string,
  (stand: Stand, user: ClerkUserJson, request: RawClerkRequest) => ClerkAnswer | Promise<ClerkAnswer>
> = {
  GET: (_, user) => ok(user),
  PATCH: ({ users }, user, { body }) => patchUser(users, user, body as Partial<ClerkUserJson>),
  DELETE({ users, pictures }, { id }) {
    users.remove(id);
    pictures.delete(id);
    return ok({ object: 'user', id, deleted: true });
  },
  'PATCH metadata'({ users }, user, { body }) {
    const given = body as Partial<ClerkUserJson>;
    const kinds = ['public_metadata', 'private_metadata', 'unsafe_metadata'] as const;
    return ok(users.patch(user.id, Object.fromEntries(kinds.map((kind) => [kind, merge(user[kind], given[kind])]))));
  },
  async 'POST profile_image'({ users, pictures }, { id }, { type, bytes }) {
    const form = await new Response(new Uint8Array(bytes), { headers: { 'content-type': type } }).formData();
    const file = form.get('file');
    if (!(file instanceof File)) return toError(422, 'form_param_missing', 'file');
    const content = Buffer.from(await file.arrayBuffer());
    pictures.set(id, { name: file.name, type: file.type, bytes: content });
    const image_url = `https://img.clerk.com/${createHash('sha256').update(content).digest('hex')}`;
    return ok(users.patch(id, { has_image: true, image_url }));
  },
  'DELETE profile_image'({ users, pictures }, { id }) {
    pictures.delete(id);
    return ok(users.patch(id, { has_image: false, image_url: madeByClerk }));
  },
};

function patchUser(users: ClerkUsers, user: ClerkUserJson, given: Partial<ClerkUserJson> | null): ClerkAnswer {
  const { username = user.username, first_name = user.first_name, last_name = user.last_name } = given ?? {};
  if (username && !/^[\w.-]{3,64}$/.test(username)) return toError(422, 'form_param_format_invalid', 'username');
  if (username && users.isTaken(username, user.id)) return toError(422, 'form_identifier_exists', 'username');
  return ok(users.patch(user.id, { username, first_name, last_name }));
}

type Json = Record<string, unknown>;

/** Objects are merged at any depth, and null takes a key away. */
function merge(before: Json, given: unknown): Json {
  const merged = { ...before };
  for (const [key, value] of Object.entries((given ?? {}) as Json)) {
    if (value === null) delete merged[key];
    else merged[key] = isObject(value) ? merge(isObject(merged[key]) ? merged[key] : {}, value) : value;
  }
  return merged;
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Public keys (PEM, by `kid`) as Clerk publishes them. */
export const toJwks = (keys: Record<string, string>): { keys: object[] } => ({
  keys: Object.entries(keys).map(([kid, pem]) => ({
    ...createPublicKey(pem).export({ format: 'jwk' }),
    kid,
    use: 'sig',
    alg: 'RS256',
  })),
});
