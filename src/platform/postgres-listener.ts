import { Socket } from 'node:net';
import pg from 'pg';
import type { Connection } from './kept-connection.ts';
import { createListener, type Listener, type ListenerOptions } from './listener.ts';

/** PostgreSQL's name for what the processes of one database tell each other. */
export const notificationChannel = 'visage';

const limitMs = 2_000;

/** Hears what is announced by NOTIFY. */
export const createPostgresListener = ({
  connectionString,
  ...options
}: ListenerOptions & { connectionString: string }): Listener =>
  createListener(options, (onLost) => openListening(connectionString, { ...options, onLost }));

function openListening(
  connectionString: string,
  { onMessage, onLost }: Pick<ListenerOptions, 'onMessage'> & { onLost(): void },
): Connection {
  const socket = new Socket();
  const client = createClient(connectionString, socket);
  // pg tells of one lost connection more than once, and an 'error' that nobody hears ends the process.
  client.on('error', onLost);
  client.on('end', onLost);
  client.on('notification', ({ payload }) => payload && onMessage(payload));
  const listen = async () => {
    await client.connect();
    await client.query(`listen ${notificationChannel}`);
  };
  return {
    ready: listen(),
    probe: () => client.query('select 1'),
    // Not `end()`: it waits for the other end, which may be gone without a word.
    destroy: () => closed(socket),
  };
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) return resolve();
    socket.once('close', () => resolve());
    socket.destroy();
  });
}

/** The socket is ours, so that a connection can be let go of at any moment, while it is being made too. */
const createClient = (connectionString: string, socket: Socket) =>
  new pg.Client({
    connectionString,
    connectionTimeoutMillis: limitMs,
    query_timeout: limitMs,
    keepAlive: true,
    application_name: 'visage listener',
    stream: () => socket,
  });
