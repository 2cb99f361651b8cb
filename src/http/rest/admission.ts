import type { MiddlewareHandler } from 'hono';
import { badUserInput, unauthenticated } from '../../errors.ts';
import { type Context, type RequestFacts, requireViewer } from '../../graphql/context.ts';
import type { RateLimited, RateLimits } from '../../platform/rate-limits.ts';
import type { Authenticated, Authentication } from '../authentication.ts';
import { type HttpRequest, header } from '../exchange.ts';
import { type MultipartBody, parseForm } from '../multipart.ts';
import { bodyLimits, readMediaType } from '../request-body.ts';
import { takeUpload } from '../upload-gate.ts';
import { refuseViewAs } from '../view-as.ts';

/** What REST has in common with GraphQL: who asks, how often, and what a request may use. */
export interface RestServices {
  authentication: Authentication;
  rateLimits: RateLimits;
  toContext(authenticated: Authenticated, request: RequestFacts): Context;
}

export interface RestEnv {
  Bindings: RestServices & { request: HttpRequest };
  Variables: { context: Context };
}

type Admission = MiddlewareHandler<RestEnv>;

/**
 * Everybody who acts brings a token in a header, which no browser sends by itself: a page of another site can't act for
 * its visitor, and what a visitor without a token gets, anyone may have.
 */
const admit =
  ({ signedIn, counts }: { signedIn: boolean; counts: RateLimited }): Admission =>
  async (c, next) => {
    const { request, authentication, rateLimits, toContext } = c.env;
    const authenticated = await authentication.fromHeader(header(request, 'authorization'));
    const { viewer } = authenticated;
    if (signedIn && !viewer) throw unauthenticated('Sign in first: this needs a session token.');
    refuseViewAs(request);
    await rateLimits.take(counts, viewer?.id ?? request.peer);
    const facts = { requestId: request.id, userAgent: header(request, 'user-agent') ?? null, viewAs: null };
    const context = toContext(authenticated, facts);
    c.set('context', context);
    await next();
    // What only an administrator gets to know stands in the other's audit log before it is told.
    await context.reads.write();
  };

/** Reads a body that is not looked at, so that the connection can be used again. */
const discardBody: Admission = async (c, next) => {
  await c.env.request.readBody(bodyLimits['application/json']);
  await next();
};

const readJson: Admission = async (c, next) => {
  const type = readMediaType(c.env.request, ['application/json']);
  giveBody(c, await c.env.request.readBody(bodyLimits[type]), type);
  await next();
};

const readForm: Admission = async (c, next) => {
  const { request } = c.env;
  const { context } = c.var;
  readMediaType(request, ['multipart/form-data']);
  const uploader = { line: context.platform.pictureLine, viewerId: requireViewer(context).id };
  await takeUpload(request, uploader, async (upload) => {
    c.req.raw = new Request(c.req.raw, { headers: { 'content-type': upload.contentType } });
    c.req.bodyCache.formData = await toForm(upload);
    await next();
  });
};

/** hono would hold two copies more of the body. */
async function toForm(upload: MultipartBody): Promise<FormData> {
  try {
    return await parseForm(upload);
  } catch {
    throw badUserInput('Expected a body that is what its type says.');
  }
}

/** What comes after works on a web request, which has had no body until now. */
function giveBody(c: Parameters<Admission>[0], body: Buffer, contentType: string): void {
  c.req.raw = new Request(c.req.raw, {
    headers: { 'content-type': contentType },
    body: new Uint8Array(body.buffer as ArrayBuffer, body.byteOffset, body.length),
  });
}

const anyone = admit({ signedIn: false, counts: 'requests' });
const signedIn = admit({ signedIn: true, counts: 'requests' });
const uploader = admit({ signedIn: true, counts: 'uploads' });

/** Who may ask, and with which body; all of it is settled before a body is read, and nothing runs before. */
export const admission = {
  anyone,
  signedIn,
  signedInWithoutBody: [signedIn, discardBody],
  signedInWithJson: [signedIn, readJson],
  signedInWithForm: [uploader, readForm],
};
