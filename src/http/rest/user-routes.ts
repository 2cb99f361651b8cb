import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { loadViewer, reloadViewer, requireViewer } from '../../graphql/context.ts';
import { upsertPreferences } from '../../modules/preferences/service.ts';
import { admission, type RestEnv } from './admission.ts';
import { errors, explain, json } from './answers.ts';
import { toUser, User, UserChange } from './shapes.ts';

const shared = { path: '/api/users', tags: ['User'], security: [{ sessionToken: [] }] };

const readUser = createRoute({
  ...shared,
  method: 'get',
  operationId: 'readUser',
  summary: 'The signed-in user',
  description: 'A valid token of a user not seen before creates the user first.',
  middleware: admission.signedIn,
  responses: { 200: json(User, 'The user.'), ...errors(400, 401) },
});

const ensureUser = createRoute({
  ...shared,
  method: 'post',
  operationId: 'ensureUser',
  summary: 'Make sure that the signed-in user exists',
  description: 'Whoever is there already stays as they are. A body is not looked at: the user comes from the token.',
  middleware: admission.signedInWithoutBody,
  responses: { 200: json(User, 'The user.'), ...errors(400, 401, 413) },
});

const changeUser = createRoute({
  ...shared,
  method: 'put',
  operationId: 'changeUser',
  summary: 'Change the signed-in user',
  description: 'What else the body holds, such as an id, is not looked at: the user comes from the token.',
  middleware: admission.signedInWithJson,
  request: { body: { required: true, content: { 'application/json': { schema: UserChange } } } },
  responses: { 200: json(User, 'The user after the change.'), ...errors(400, 401, 413, 415) },
});

/** The user of the token: read, make sure it exists, change. */
export function addUserRoutes(rest: OpenAPIHono<RestEnv>): void {
  rest.openapi(readUser, async (c) => {
    const { context } = c.var;
    return c.json(toUser(await loadViewer(context), context.publicUrl), 200);
  });

  // To have come so far, the user is there: authentication has seen to it.
  rest.openapi(ensureUser, async (c) => {
    const { context } = c.var;
    return c.json(toUser(await loadViewer(context), context.publicUrl), 200);
  });

  rest.openapi(
    changeUser,
    async (c) => {
      const { context } = c.var;
      const { theme } = c.req.valid('json');
      await upsertPreferences(context.platform, requireViewer(context).id, { theme: theme.toUpperCase() });
      return c.json(toUser(await reloadViewer(context), context.publicUrl), 200);
    },
    explain(UserChange),
  );
}
