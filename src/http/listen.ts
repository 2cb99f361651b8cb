import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Config } from '../config.ts';
import { StartError } from '../errors.ts';

/** Opens the port, and answers which it is. Throws StartError where it can't be had. */
export async function listen(server: Server, { host, port }: Pick<Config, 'host' | 'port'>): Promise<number> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw toStartError(error as NodeJS.ErrnoException, host, port);
  }
  return (server.address() as AddressInfo).port;
}

function toStartError(error: NodeJS.ErrnoException, host: string, port: number): StartError {
  if (error.code === 'EADDRINUSE')
    return new StartError(`PORT: ${port} is in use on ${host}. Choose another, such as PORT=4001, or 0 for any.`);
  if (error.code === 'EACCES')
    return new StartError(`PORT: ${port} may not be opened by this user. Choose one over 1023, such as PORT=4000.`);
  return new StartError(
    `HOST: the server can't listen on ${host}:${port} (${error.code ?? error.message}). Such as HOST=127.0.0.1.`,
  );
}

/** An address that stands for all of a machine's own isn't one that a client can call. */
export function toHostName(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
