import { unauthenticated } from '../errors.ts';
import type { Exports } from '../modules/export/service.ts';
import type { Log } from '../platform/log.ts';
import type { RateLimits } from '../platform/rate-limits.ts';
import { methodNotAllowed, withApiErrors } from './api-errors.ts';
import type { Authentication } from './authentication.ts';
import { type HttpHandler, type HttpRequest, header } from './exchange.ts';
import { refuseViewAs } from './view-as.ts';

export interface ExportHandlerOptions {
  authentication: Authentication;
  rateLimits: RateLimits;
  exports: Exports;
  log: Log;
}

/** `GET /api/export`: all that is there of the viewer, as a zip archive that is made while it is sent. */
export const createExportHandler = (options: ExportHandlerOptions): HttpHandler =>
  withApiErrors(async (request) => {
    if (request.method !== 'GET') return methodNotAllowed(['GET']);
    const userId = await readViewerId(request, options);
    const body = await options.exports.start({ userId, requestId: request.id });
    return { status: 200, headers: archiveHeaders(), body };
  }, options.log);

async function readViewerId(request: HttpRequest, { authentication, rateLimits }: ExportHandlerOptions) {
  const { viewer } = await authentication.fromHeader(header(request, 'authorization'));
  await rateLimits.take('requests', viewer?.id ?? request.peer);
  if (!viewer) throw unauthenticated('Sign in first: an export needs a session token.');
  refuseViewAs(request);
  return viewer.id;
}

/** The name says when, and not whose: users' ids have characters that no file name has. */
const archiveHeaders = () => ({
  'content-type': 'application/zip',
  'content-disposition': `attachment; filename="visage-export-${new Date().toISOString().slice(0, 10)}.zip"`,
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
});
