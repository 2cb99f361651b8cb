import type { TestApp } from './app.ts';

/** An answer, read whole. */
export interface Reply {
  status: number;
  headers: Headers;
  text: string;
}

/** A GraphQL answer over HTTP. */
export interface GraphQLReply extends Reply {
  body: {
    // biome-ignore lint/suspicious/noExplicitAny: whatever was asked for.
    data?: any;
    errors?: { message: string; path?: unknown[]; extensions: Record<string, unknown> & { code?: string } }[];
  };
  /** Of the first error. */
  code: string | undefined;
}

/** Sends a request as it is. */
export async function send(app: Pick<TestApp, 'fetch'>, path: string, init?: RequestInit): Promise<Reply> {
  return read(await app.fetch(new Request(new URL(path, 'http://visage.test'), init)));
}

/** Sends an operation, or anything else, to `/graphql`; fails on an answer that isn't GraphQL's. */
export async function sendGraphQL(
  app: Pick<TestApp, 'fetch'>,
  init: RequestInit & { search?: string },
): Promise<GraphQLReply> {
  return asGraphQL(await send(app, `/graphql${init.search ?? ''}`, init));
}

/** Posts JSON; a string goes as it is. */
export const postJson = (
  app: Pick<TestApp, 'fetch'>,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<GraphQLReply> =>
  sendGraphQL(app, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

/** The two types of answers of the GraphQL over HTTP specification. */
export const answerTypes = {
  json: 'application/json',
  response: 'application/graphql-response+json',
} as const;

export async function read(response: Response): Promise<Reply> {
  return { status: response.status, headers: response.headers, text: await response.text() };
}

export function asGraphQL(reply: Reply): GraphQLReply {
  try {
    const body = JSON.parse(reply.text);
    return { ...reply, body, code: body.errors?.[0]?.extensions?.code };
  } catch {
    throw new Error(`Expected a GraphQL answer, and got ${reply.status}: ${reply.text.slice(0, 500)}`);
  }
}
