import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type HttpReply, type HttpRequest, header } from './exchange.ts';
import { firstTabs } from './graphiql-tabs.ts';

/** A face that is seen by some: half of it is filled. */
const logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="32" height="32"><rect width="32" height="32" rx="9" fill="#d60690"/><circle cx="16" cy="16" r="9.5" fill="none" stroke="#fff" stroke-width="2"/><path d="M16 6.5a9.5 9.5 0 0 1 0 19z" fill="#fff"/><circle cx="12.4" cy="14" r="1.5" fill="#fff"/><circle cx="19.6" cy="14" r="1.5" fill="#d60690"/><path d="M12 19.2q4 3.2 8 0" fill="none" stroke="#fff" stroke-width="1.8" stroke-linecap="round"/><path d="M16 20.8q2.2 0 4-1.6" fill="none" stroke="#d60690" stroke-width="1.8" stroke-linecap="round"/></svg>`;

/**
 * GraphiQL lets tabs that it starts with fly to their places, and until one was pressed once, pressing throws it back to
 * where it came from: the click would be lost.
 */
const style = '<style>.graphiql-tab { transform: none !important; }</style>';

/** The page in two forms: 9 MB as it is, 2.3 MB compressed. */
interface Page {
  plain: Buffer;
  gzipped: Buffer;
}

/** Serves GraphiQL, from files that are installed with the server. The page is made once for a token. */
export function createGraphiQL(
  demoToken: () => Promise<string | null>,
): (request?: Pick<HttpRequest, 'headers'>) => Promise<HttpReply> {
  let made: { token: string | null; page: Promise<Page> } | null = null;
  const pageFor = (token: string | null): Promise<Page> => {
    if (made?.token !== token) made = { token, page: render(token) };
    return made.page;
  };
  return async (request) => {
    const { plain, gzipped } = await pageFor(await demoToken());
    const isGzipAccepted = request !== undefined && /\bgzip\b/.test(header(request, 'accept-encoding') ?? '');
    return {
      status: 200,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        ...(isGzipAccepted && { 'content-encoding': 'gzip' }),
      },
      body: isGzipAccepted ? gzipped : plain,
    };
  };
}

async function render(token: string | null): Promise<Page> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  const html = renderGraphiQL({
    title: 'Visage',
    logo,
    favicon: `data:image/svg+xml,${encodeURIComponent(logo)}`,
    endpoint: '/graphql',
    defaultTabs: firstTabs.map((query) => ({ query })),
    headers: JSON.stringify(token ? { authorization: `Bearer ${token}` } : {}, null, 2),
    // A token that the browser kept would be sent long after it expired: each load brings its own.
    shouldPersistHeaders: false,
    // Over server-sent events the headers are sent along; over WebSocket they would come too late to sign in with.
    subscriptionsProtocol: 'SSE',
    additionalHeaders: { 'graphql-preflight': '1' },
  });
  const plain = Buffer.from(html.replace('</head>', `${style}</head>`));
  return { plain, gzipped: await promisify(gzip)(plain) };
}
