import type { Gate } from '../platform/gate.ts';
import { bytesOfPlace } from '../platform/picture-line.ts';
import type { HttpRequest } from './exchange.ts';
import { inspectMultipart, type MultipartBody } from './multipart.ts';
import { bodyLimits, cutShort, readLength } from './request-body.ts';

export interface Uploader {
  line: Gate;
  viewerId: string;
}

const limitBytes = bodyLimits['multipart/form-data'];

/**
 * Reads an upload when its turn has come, and does with it what there is to do; until then its bytes are its client's. A
 * body that says nothing of its length takes as much of the line as the largest. Throws RATE_LIMITED where the line is full.
 */
export async function takeUpload<Result>(
  request: HttpRequest,
  { line, viewerId }: Uploader,
  use: (upload: MultipartBody) => Promise<Result>,
): Promise<Result> {
  const places = Math.max(1, Math.ceil((readLength(request.headers, limitBytes) ?? limitBytes) / bytesOfPlace));
  const task = async () => use(inspectMultipart(request, await request.readBody(limitBytes)));
  try {
    return await line.run(task, { places, owner: viewerId, signal: request.signal });
  } catch (error) {
    // What came of a client that left is no error of ours, and nobody reads the answer.
    throw request.signal.aborted ? cutShort() : error;
  }
}
