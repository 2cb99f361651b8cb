import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { NotFoundError } from '../../errors.ts';
import { reloadViewer, requireViewer } from '../../graphql/context.ts';
import { decodeUserId } from '../../graphql/global-id.ts';
import { pictureUrl } from '../../modules/picture/address.ts';
import { loadMadeVersion } from '../../modules/picture/loaders.ts';
import { uploadProfilePicture } from '../../modules/picture/service.ts';
import { acknowledgePictureRevision } from '../../modules/picture/sync-sessions-service.ts';
import { deleteProfilePicture, restoreProfilePicture } from '../../modules/picture/versions-service.ts';
import { admission, type RestEnv } from './admission.ts';
import { errors, explain, json } from './answers.ts';
import {
  Acknowledgement,
  Picture,
  PictureState,
  toPicture,
  toPictureState,
  Upload,
  UploadedPicture,
  VersionChoice,
} from './shapes.ts';

const tags = ['Picture'];
const security = [{ sessionToken: [] }];

const uploadPicture = createRoute({
  method: 'post',
  path: '/api/profile/upload-picture',
  tags,
  security,
  operationId: 'uploadPicture',
  summary: "Make a file the signed-in user's picture",
  description: 'A new version, cut to the square in the middle. Answers when it is stored.',
  middleware: admission.signedInWithForm,
  request: { body: { required: true, content: { 'multipart/form-data': { schema: Upload } } } },
  responses: { 201: json(UploadedPicture, 'The picture is there.'), ...errors(400, 401, 404, 413, 415) },
});

const readPicture = createRoute({
  method: 'get',
  path: '/api/profile/picture/{userId}',
  tags,
  security: [...security, {}],
  operationId: 'readPicture',
  summary: "A user's picture",
  description:
    'For anyone, but those whom a block keeps apart: for them, as for an id that nobody has, it is 404. Who has uploaded none has `version` null, and a `url` all the same.',
  middleware: admission.anyone,
  request: {
    params: z.object({ userId: z.string().openapi({ description: "Clerk's id.", example: 'user_demo_grace' }) }),
  },
  responses: { 200: json(Picture, 'The picture.'), ...errors(400, 401, 404) },
});

const restorePicture = createRoute({
  method: 'put',
  path: '/api/profile/update-picture',
  tags,
  security,
  operationId: 'restorePicture',
  summary: "Show an earlier version of the signed-in user's picture again",
  description: 'Where it is active already, nothing changes.',
  middleware: admission.signedInWithJson,
  request: { body: { required: true, content: { 'application/json': { schema: VersionChoice } } } },
  responses: { 200: json(PictureState, 'The picture after the change.'), ...errors(400, 401, 404, 413, 415) },
});

const deletePicture = createRoute({
  method: 'delete',
  path: '/api/profile/delete-picture',
  tags,
  security,
  operationId: 'deletePicture',
  summary: "Take the signed-in user's picture away",
  description: 'The version stays in the history, and can be restored. A body is not looked at.',
  middleware: admission.signedInWithoutBody,
  responses: { 200: json(PictureState, 'What is shown instead.'), ...errors(400, 401, 404, 413) },
});

const syncPicture = createRoute({
  method: 'post',
  path: '/api/profile/sync-picture',
  tags,
  security,
  operationId: 'syncPicture',
  summary: 'Say which revision this session shows, and get the current one',
  description:
    'One below what the session said before takes nothing back. One above the current revision is 400, and so is a token without `sid`.',
  middleware: admission.signedInWithJson,
  request: { body: { required: true, content: { 'application/json': { schema: Acknowledgement } } } },
  responses: { 200: json(PictureState, 'The current picture.'), ...errors(400, 401, 413, 415) },
});

/** Pictures: the token's user changes their own, and anyone sees those of others. */
export function addPictureRoutes(rest: OpenAPIHono<RestEnv>): void {
  rest.openapi(
    uploadPicture,
    async (c) => {
      const { context } = c.var;
      const { id: userId } = requireViewer(context);
      const made = await uploadProfilePicture(context.platform, { userId, file: c.req.valid('form').profilePicture });
      const picture = await loadMadeVersion(context.platform, userId, made);
      const { version, revision } = made;
      return c.json({ version, revision, url: pictureUrl(picture, {}, context.publicUrl) }, 201);
    },
    explain(Upload),
  );

  rest.openapi(readPicture, async (c) => {
    const { users, publicUrl } = c.var.context;
    const id = decodeUserId(c.req.valid('param').userId);
    const user = id === null ? null : await users.load(id);
    if (!user) throw new NotFoundError('There is no user of this id.');
    return c.json(toPicture(user, publicUrl), 200);
  });

  rest.openapi(
    restorePicture,
    async (c) => {
      const { context } = c.var;
      const { id: userId } = requireViewer(context);
      await restoreProfilePicture(context.platform, { userId, version: c.req.valid('json').version });
      return c.json(toPictureState(await reloadViewer(context), context.publicUrl), 200);
    },
    explain(VersionChoice),
  );

  rest.openapi(deletePicture, async (c) => {
    const { context } = c.var;
    await deleteProfilePicture(context.platform, { userId: requireViewer(context).id });
    return c.json(toPictureState(await reloadViewer(context), context.publicUrl), 200);
  });

  rest.openapi(
    syncPicture,
    async (c) => {
      const { context } = c.var;
      const { id: userId, sessionId } = requireViewer(context);
      const { platform, userAgent } = context;
      await acknowledgePictureRevision(platform, { userId, sessionId, userAgent, ...c.req.valid('json') });
      return c.json(toPictureState(await reloadViewer(context), context.publicUrl), 200);
    },
    explain(Acknowledgement),
  );
}
