import { type DestinationStream, pino } from 'pino';

/** A structured log. Child logs carry the request's id. */
export type Log = Pick<import('pino').Logger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'>;

/** What never reaches a log line, wherever it stands in an object that is logged. */
const secretPaths = ['authorization', 'cookie', 'token', 'email', 'password', 'secret'].flatMap((key) => [
  key,
  `*.${key}`,
  `*.*.${key}`,
]);

/** What gives a secret away in the middle of a text, such as the message of somebody else's error. */
const secretPatterns = [
  // A session token, whole or in part.
  /eyJ[\w-]{5,}(\.[\w-]*){1,2}/g,
  // Clerk's keys.
  /\b(sk|whsec)_[\w+/=]+/g,
  // User and password in an address.
  /(?<=:\/\/)[^\s@/]{1,200}(?=@)/g,
  // An e-mail address; `node_modules/@scope` and `name@1.2.3` are none.
  /(?<![\w.%+-])[\w.%+-]{1,64}@[\w-]{1,63}(\.[\w-]{1,63}){0,8}\.[a-z]{2,}/gi,
];
/** Most lines have none of these, and need no second look. */
const suspicious = /@|eyJ|sk_|whsec_/;

/** The text without what looks like a token, a key, a password in an address, or an e-mail address. */
export const hideSecrets = (text: string): string =>
  secretPatterns.reduce((hidden, pattern) => hidden.replace(pattern, '[redacted]'), text);

function withoutSecrets(line: string): string {
  if (!suspicious.test(line)) return line;
  const hide = (_: string, value: unknown) => (typeof value === 'string' ? hideSecrets(value) : value);
  return `${JSON.stringify(JSON.parse(line), hide)}\n`;
}

/** JSON lines, on standard output unless another destination is given. `level` is one of pino's. */
export function createLog(
  level: string,
  destination: DestinationStream = pino.destination(1),
): Log & { child(bindings: Record<string, unknown>): Log } {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      hooks: { streamWrite: withoutSecrets },
      redact: { paths: secretPaths, censor: '[redacted]' },
      serializers: { error: pino.stdSerializers.errWithCause, err: pino.stdSerializers.errWithCause },
    },
    destination,
  );
}
