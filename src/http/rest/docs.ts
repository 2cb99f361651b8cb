import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NotFoundError } from '../../errors.ts';
import { methodNotAllowed } from '../api-errors.ts';
import type { HttpHandler, HttpReply } from '../exchange.ts';

/** The files of Swagger UI that the page asks for; no other of them has an address. */
const fileTypes: Record<string, string> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

/** `/api/docs`: Swagger UI from files that are installed with the server, signed in with the token. */
export function createRestDocs(demoToken: () => Promise<string | null>): HttpHandler {
  return async ({ method, path }) => {
    if (method !== 'GET' && method !== 'HEAD') return methodNotAllowed(['GET', 'HEAD']);
    const name = path.replace(/^\/api\/docs\/?/, '');
    if (name === '') return reply('text/html; charset=utf-8', toPage(await demoToken()));
    const type = Object.hasOwn(fileTypes, name) ? fileTypes[name] : undefined;
    if (!type) throw new NotFoundError('There is nothing at this address.');
    const { default: folderOfSwaggerUi } = await import('swagger-ui-dist/absolute-path.js');
    return reply(type, await readFile(join(folderOfSwaggerUi(), name)));
  };
}

const reply = (type: string, body: string | Buffer): HttpReply => ({
  status: 200,
  headers: { 'content-type': type, 'cache-control': 'no-store' },
  body,
});

// The token stands in the page itself: a page of another site could run a script that has it, and can't read this.
const toPage = (token: string | null) => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <title>Visage: REST</title>
    <link rel="stylesheet" href="/api/docs/swagger-ui.css">
    <link rel="icon" type="image/png" href="/api/docs/favicon-32x32.png">
  </head>
  <body>
    <div id="docs"></div>
    <script src="/api/docs/swagger-ui-bundle.js"></script>
    <script>
      const token = ${JSON.stringify(token).replaceAll('<', '\\u003c')};
      const ui = SwaggerUIBundle({
        url: '/api/openapi.json',
        dom_id: '#docs',
        validatorUrl: null,
        deepLinking: true,
        tryItOutEnabled: true,
        onComplete: () => token && ui.preauthorizeApiKey('sessionToken', token),
      });
    </script>
  </body>
</html>
`;
