import { createServer } from 'node:http';
import process from 'node:process';
import { WebSocketServer } from 'ws';

/** What nothing can be faster than on this machine: `ws` alone, which sends ready bytes to whoever said that they follow. */
const followers = new Map();
const server = createServer();
const sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 });
server.on('upgrade', (request, socket, head) => sockets.handleUpgrade(request, socket, head, welcome));
server.listen(0, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${server.address().port}\n`));

function welcome(client) {
  client.on('close', forget);
  client.on('message', hear);
}

function hear(data) {
  const { type, id, payload } = JSON.parse(String(data));
  if (type === 'connection_init') this.send('{"type":"connection_ack"}');
  else if (payload.variables.userIds[0] === process.argv[2]) followers.set(this, id);
}

function forget() {
  followers.delete(this);
}

process.on('message', ({ tail }) => {
  if (tail) for (const [client, id] of followers) client.send(`{"id":"${id}",${tail}`);
});
