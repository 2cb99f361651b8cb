import type { HttpReply } from './exchange.ts';

/** What somebody who opens GraphiQL for the first time sees. */
const firstQuery = `# Welcome to Visage. You are signed in as a demo user: the token is in the Headers tab below.
# Press the pink button, or Ctrl-Enter.

query Me {
  me {
    id
    username
    displayName
    imageUrl(size: 256)
    picture { version thumbhash dominantColor }
    profile { bio skills completion { percentage missingFields } }
    preferences { theme language }
    privacy { profile watchHistory ratings }
  }
}
`;

/** Renders GraphiQL, from files that are installed with the server. The page is made once for a token. */
export function createGraphiQL(demoToken: () => Promise<string | null>): () => Promise<HttpReply> {
  let rendered: { token: string | null; page: string } | null = null;
  return async () => {
    const token = await demoToken();
    if (rendered?.token !== token) rendered = { token, page: await render(token) };
    return {
      status: 200,
      headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' },
      body: rendered?.page ?? '',
    };
  };
}

async function render(token: string | null): Promise<string> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  return String(
    renderGraphiQL({
      title: 'Visage',
      endpoint: '/graphql',
      defaultQuery: firstQuery,
      headers: token ? JSON.stringify({ authorization: `Bearer ${token}` }, null, 2) : '{}',
      // Over server-sent events the headers are sent along; over WebSocket they would come too late to sign in with.
      subscriptionsProtocol: 'SSE',
      additionalHeaders: { 'graphql-preflight': '1' },
    }),
  );
}
