import { createServer } from 'node:http';
import { queryPrepared } from './database.mjs';
import { statements } from './limit-statements.mjs';
import { readViewer } from './tokens.mjs';

/** What nobody undercuts: no GraphQL, one statement a request, and the answer as PostgreSQL writes it. */
const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', async () => {
    const { operationName, variables } = JSON.parse(Buffer.concat(chunks).toString());
    const { name, text, values } = statements[operationName];
    const [{ body }] = await queryPrepared(
      { name, text },
      values(readViewer(request.headers.authorization), variables),
    );
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(body);
  });
});

server.listen(process.env.PORT, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
