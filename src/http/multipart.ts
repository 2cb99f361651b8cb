import { RequestError } from '../errors.ts';
import { type HttpRequest, header } from './exchange.ts';

/** The platform's parser takes seconds for 10 MiB of empty parts, or of lines in a part's header: a real form has neither. */
const maxParts = 20;
const maxPartHeaderBytes = 16 * 1024;

/** As RFC 2046 has it, quoted or not. */
const boundaryPattern = /;\s*boundary=(?:"([\w'()+,./:=? -]{1,70})"|([\w'()+,./:=?-]{1,70}))\s*(?:;|$)/i;

/**
 * The type of a multipart body with nothing but its boundary. Throws BAD_USER_INPUT where it has none, and for a body that
 * would take long to take apart.
 */
export function readMultipartType(request: HttpRequest, body: Buffer): string {
  const [, quoted, bare] = boundaryPattern.exec(header(request, 'content-type') ?? '') ?? [];
  const boundary = quoted ?? bare;
  if (boundary === undefined) throw malformed('Expected a boundary in the content type.');
  assertFewParts(body, `--${boundary}`);
  return `multipart/form-data; boundary="${boundary}"`;
}

function assertFewParts(body: Buffer, delimiter: string): void {
  let at = body.indexOf(delimiter);
  for (let parts = 0; at !== -1; parts++) {
    if (parts > maxParts) throw malformed(`Expected at most ${maxParts} parts in the body.`);
    const headerEnd = body.indexOf('\r\n\r\n', at);
    if ((headerEnd === -1 ? body.length : headerEnd) - at > maxPartHeaderBytes)
      throw malformed(`Expected at most ${maxPartHeaderBytes} bytes before the content of a part.`);
    at = body.indexOf(`\r\n${delimiter}`, at + delimiter.length);
  }
}

const malformed = (message: string) => new RequestError('BAD_USER_INPUT', message, { status: 400 });
