import { pino } from 'pino';

/** A structured log. Child logs carry the request's id. */
export type Log = Pick<import('pino').Logger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'>;

/** What never reaches a log line, wherever it stands in an object that is logged. */
const secretPaths = ['authorization', 'cookie', 'token', 'email', 'password', 'secret'].flatMap((key) => [
  key,
  `*.${key}`,
  `*.*.${key}`,
]);

/** JSON lines on standard output. `level` is one of pino's. */
export function createLog(level: string): Log & { child(bindings: Record<string, unknown>): Log } {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: secretPaths, censor: '[redacted]' },
    serializers: { error: pino.stdSerializers.errWithCause, err: pino.stdSerializers.errWithCause },
  });
}
