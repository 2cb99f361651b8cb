import type { TestApp } from './app.ts';
import { assertDocumented, findOperation, type Json, type OpenApiDocument } from './openapi.ts';
import type { Person } from './person.ts';

/** An answer of REST. */
export interface RestReply {
  status: number;
  headers: Headers;
  text: string;
  body: Json;
}

export interface RestRequest {
  /** Sent as JSON; a string goes as it is. */
  json?: unknown;
  /** Any other body. */
  body?: BodyInit;
  headers?: Record<string, string>;
}

/** Asks by REST, as somebody or, by null, as nobody. */
export type Ask = (
  person: Pick<Person, 'token'> | null,
  method: string,
  path: string,
  request?: RestRequest,
) => Promise<RestReply>;

/** Asks a server by REST; each answer of an address that its document has must be as the document says. */
export async function createRestClient(app: Pick<TestApp, 'fetch'>): Promise<Ask> {
  const document = await readDocument(app);
  return async (person, method, path, { json, body, headers } = {}) => {
    const response = await app.fetch(
      new Request(new URL(path, 'http://visage.test'), {
        method,
        headers: {
          ...(person?.token && { authorization: `Bearer ${person.token}` }),
          ...(json !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        body: json === undefined ? (body ?? null) : typeof json === 'string' ? json : JSON.stringify(json),
      }),
    );
    const { status, headers: answered } = response;
    const text = await response.text();
    const reply = { status, headers: answered, text, body: text === '' ? null : JSON.parse(text) };
    if (findOperation(document, method, path))
      assertDocumented(document, { method, path, ...reply, contentType: answered.get('content-type') });
    return reply;
  };
}

export async function readDocument(app: Pick<TestApp, 'fetch'>): Promise<OpenApiDocument> {
  const response = await app.fetch(new Request('http://visage.test/api/openapi.json'));
  if (response.status !== 200) throw new Error(`Expected the OpenAPI document, and got ${response.status}.`);
  return (await response.json()) as OpenApiDocument;
}

/** The body of an upload. */
export function toForm(bytes: Uint8Array | string, fields: Record<string, string> = {}): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('profilePicture', new File([new Uint8Array(Buffer.from(bytes))], 'photo.jpg', { type: 'image/jpeg' }));
  return form;
}

/** The addresses of REST, by what they do; a picture's user is nobody. */
export const addresses = {
  readUser: ['GET', '/api/users'],
  ensureUser: ['POST', '/api/users'],
  changeUser: ['PUT', '/api/users'],
  uploadPicture: ['POST', '/api/profile/upload-picture'],
  readPicture: ['GET', '/api/profile/picture/user_nobody'],
  restorePicture: ['PUT', '/api/profile/update-picture'],
  deletePicture: ['DELETE', '/api/profile/delete-picture'],
  syncPicture: ['POST', '/api/profile/sync-picture'],
} as const;
