import { randomUUID } from 'node:crypto';
import { RequestError } from '../errors.ts';
import { HeldFile } from '../platform/held-file.ts';
import { type HttpRequest, header } from './exchange.ts';

/** A multipart body, its type with nothing but the boundary, and where the contents of its parts are. */
export interface MultipartBody {
  body: Buffer;
  contentType: string;
  contents: Content[];
}

/** From a byte on, and to before another. */
interface Content {
  from: number;
  to: number;
}

/** The platform's parser takes seconds for 10 MiB of empty parts, or of lines in a part's header: a real form has neither. */
const maxParts = 20;
const maxPartHeaderBytes = 16 * 1024;
/** Larger contents are kept from the parser, which copies them five times while no other request is answered. */
const heldFromBytes = 64 * 1024;

/** As RFC 2046 has it, quoted or not. */
const boundaryPattern = /;\s*boundary=(?:"([\w'()+,./:=? -]{1,70})"|([\w'()+,./:=?-]{1,70}))\s*(?:;|$)/i;

/**
 * Looks where the parts of a body are. Throws BAD_USER_INPUT where its type has no boundary, and for a body that would take
 * long to take apart.
 */
export function inspectMultipart(request: HttpRequest, body: Buffer): MultipartBody {
  const [, quoted, bare] = boundaryPattern.exec(header(request, 'content-type') ?? '') ?? [];
  const boundary = quoted ?? bare;
  if (boundary === undefined) throw malformed('Expected a boundary in the content type.');
  const contents = findContents(body, `--${boundary}`);
  return { body, contentType: `multipart/form-data; boundary="${boundary}"`, contents };
}

function findContents(body: Buffer, delimiter: string): Content[] {
  const contents: Content[] = [];
  let at = body.indexOf(delimiter);
  for (let parts = 0; at !== -1; parts++) {
    if (parts > maxParts) throw malformed(`Expected at most ${maxParts} parts in the body.`);
    const headerEnd = body.indexOf('\r\n\r\n', at);
    if ((headerEnd === -1 ? body.length : headerEnd) - at > maxPartHeaderBytes)
      throw malformed(`Expected at most ${maxPartHeaderBytes} bytes before the content of a part.`);
    at = body.indexOf(`\r\n${delimiter}`, at + delimiter.length);
    if (headerEnd !== -1 && at > headerEnd) contents.push({ from: headerEnd + 4, to: Math.max(at, headerEnd + 4) });
  }
  return contents;
}

/** Takes the body apart, as `Body` does; large files in it are views of it. Throws what that throws for what is no form. */
export async function parseForm(
  { body, contentType, contents }: MultipartBody,
  Body: typeof Response = Response,
): Promise<FormData> {
  const held = new Map(contents.filter(isLarge).map(({ from, to }) => [randomUUID() as string, { from, to }]));
  const form = await new Body(withNames(body, held) as never, { headers: { 'content-type': contentType } }).formData();
  if (held.size === 0) return form;
  // Parsers keep parts in no particular order.
  const entries = [...form];
  for (const [name] of entries) form.delete(name);
  for (const [name, value] of entries) {
    const content = held.get(typeof value === 'string' ? value : await value.text());
    form.append(name, content ? withContent(value, body.subarray(content.from, content.to)) : value);
  }
  return form;
}

const isLarge = ({ from, to }: Content) => to - from >= heldFromBytes;

/** The body with a name in place of each of those contents, which nobody can guess. */
function withNames(body: Buffer, held: Map<string, Content>): Buffer {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const [name, { from, to }] of held) {
    pieces.push(body.subarray(at, from), Buffer.from(name));
    at = to;
  }
  return at === 0 ? body : Buffer.concat([...pieces, body.subarray(at)]);
}

const withContent = (value: string | File, bytes: Buffer): string | File =>
  typeof value === 'string' ? bytes.toString() : new HeldFile(bytes, value);

const malformed = (message: string) => new RequestError('BAD_USER_INPUT', message, { status: 400 });
