import { randomBytes } from 'node:crypto';
import { RequestError } from '../errors.ts';
import { HeldFile } from '../platform/held-file.ts';
import { TimeLimitError, within } from '../platform/time-limit.ts';
import { type HttpRequest, header } from './exchange.ts';

/** A multipart body from its first boundary on, its type with nothing but the boundary, and where its large files are. */
export interface MultipartBody {
  body: Buffer;
  boundary: string;
  contentType: string;
  largeFiles: Content[];
}

/** From a byte on, and to before another. */
interface Content {
  from: number;
  to: number;
}

/** The platform's parser takes seconds for 10 MiB of empty parts, or of lines in a part's header: a real form has neither. */
const maxParts = 20;
const maxPartHeaderBytes = 16 * 1024;
/** Larger files are kept from the parser, which copies them five times while no other request is answered. */
const heldFromBytes = 64 * 1024;
/** A parser may be given what it never comes to the end of: without a limit, whoever sends that would keep its place. */
const parserLimitMs = 5_000;

/** As RFC 2046 has it, quoted or not. */
const boundaryPattern = /;\s*boundary=(?:"([\w'()+,./:=? -]{1,70})"|([\w'()+,./:=?-]{1,70}))\s*(?:;|$)/i;

/**
 * Looks where the parts of a body are. Throws BAD_USER_INPUT where its type has no boundary, for a part without a name, and for
 * a body that would take long to take apart.
 */
export function inspectMultipart(request: HttpRequest, body: Buffer): MultipartBody {
  const [, quoted, bare] = boundaryPattern.exec(header(request, 'content-type') ?? '') ?? [];
  const boundary = quoted ?? bare;
  if (boundary === undefined) throw malformed('Expected a boundary in the content type.');
  const delimiter = `--${boundary}`;
  const start = Math.max(0, body.indexOf(delimiter));
  const form = body.subarray(start);
  const contentType = `multipart/form-data; boundary="${boundary}"`;
  return { body: form, boundary, contentType, largeFiles: findLargeFiles(form, delimiter) };
}

function findLargeFiles(body: Buffer, delimiter: string): Content[] {
  const found: Content[] = [];
  let at = body.indexOf(delimiter);
  for (let parts = 0; at !== -1 && !isEnd(body, at + delimiter.length); parts++) {
    if (parts === maxParts) throw malformed(`Expected at most ${maxParts} parts in the body.`);
    const head = readHead(body, at + delimiter.length);
    const content = { from: head.end + 4, to: body.indexOf(`\r\n${delimiter}`, head.end) };
    if (head.isFile && content.to - content.from >= heldFromBytes) found.push(content);
    at = content.to === -1 ? -1 : content.to + 2;
  }
  return found;
}

const isEnd = (body: Buffer, at: number) => body.toString('latin1', at, at + 2) === '--';

/** Parsers pass over the rest of a head from the first line on that is none, each in its own way. */
const headerLine = /^[\w!#$%&'*+.^`|~-]+:[^\r\n]*$/;

/**
 * A name may read like another parameter. Without a quote at its end it goes on to the end of all, as parsers have it; and
 * were it none, each quote in a long row of them would be a place to begin again.
 */
const quotedString = /"(?:\\.|[^"\\])*(?:"|\\?$)/gs;

const formDataWithName = /^content-disposition:[ \t]*form-data[ \t]*(?:;.*)?;[ \t]*name\*?=/i;

/** Where the head of a part ends, and whether its content are the bytes of a file, as they are. */
function readHead(body: Buffer, at: number): { end: number; isFile: boolean } {
  const end = body.indexOf('\r\n\r\n', at);
  if ((end === -1 ? body.length : end) - at > maxPartHeaderBytes)
    throw malformed(`Expected at most ${maxPartHeaderBytes} bytes before the content of a part.`);
  const [rest, ...lines] = body.toString('latin1', at, end === -1 ? body.length : end).split('\r\n');
  const disposition = lines.find((line) => /^content-disposition:/i.test(line))?.replace(quotedString, '""') ?? '';
  // Yoga's parser leaves such a part out, and waits for ever for its content to be read.
  const isHead = rest === '' && lines.every((line) => headerLine.test(line));
  if (!isHead || !formDataWithName.test(disposition)) {
    throw malformed('Expected the header Content-Disposition: form-data and a name in every part of the body.');
  }
  const isEncoded = lines.some((line) => /^content-transfer-encoding:[ \t]*(base64|quoted-printable)\b/i.test(line));
  return { end: end === -1 ? body.length : end, isFile: /;[ \t]*filename\*?=/i.test(disposition) && !isEncoded };
}

/** Takes the body apart, as `Body` does; large files in it are views of it. Throws what that throws for what is no form. */
export async function parseForm(upload: MultipartBody, Body: typeof Response = Response): Promise<FormData> {
  const { body, boundary, contentType, largeFiles } = upload;
  const held = new Map(largeFiles.map((content) => [createName(boundary), content]));
  const response = new Body(withNames(body, held) as never, { headers: { 'content-type': contentType } });
  const form = await within(parserLimitMs, response.formData()).catch((error) => {
    throw error instanceof TimeLimitError ? malformed('Expected a body that comes to an end.') : error;
  });
  if (held.size === 0) return form;
  // Parsers keep parts in no particular order.
  const entries = [...form];
  for (const [name] of entries) form.delete(name);
  for (const [name, value] of entries) {
    const content = held.get(typeof value === 'string' ? value : await value.text());
    const bytes = content && body.subarray(content.from, content.to);
    if (!bytes) form.append(name, value);
    // A name may read as if a file's followed.
    else if (typeof value === 'string') form.append(name, bytes.toString());
    else form.append(name, new HeldFile(bytes, value));
  }
  return form;
}

/** Which nobody can guess. undici looks for the boundary without its dashes, so it is not in it either. */
function createName(boundary: string): string {
  const name = randomBytes(16).toString('hex');
  return name.includes(boundary) ? createName(boundary) : name;
}

/** The body with a name in place of each of those contents. */
function withNames(body: Buffer, held: Map<string, Content>): Buffer {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const [name, { from, to }] of held) {
    pieces.push(body.subarray(at, from), Buffer.from(name));
    at = to;
  }
  return at === 0 ? body : Buffer.concat([...pieces, body.subarray(at)]);
}

const malformed = (message: string) => new RequestError('BAD_USER_INPUT', message, { status: 400 });
