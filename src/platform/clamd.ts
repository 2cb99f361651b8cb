import { connect } from 'node:net';

/** Where clamd listens. */
export interface ClamdAddress {
  host: string;
  port: number;
}

/** clamd could not be asked, or its answer says nothing of the file; the same file may be scanned later. */
export class ClamdAwayError extends Error {
  override name = 'ClamdAwayError';
}

/** A file of 10 MiB takes a fraction of it. */
export const scanLimitMs = 10_000;
const connectLimitMs = 2_000;
/** The longest answer names a signature. */
const maxAnswerLength = 4_096;

/**
 * Has clamd scan the bytes, and answers the name of what it found; null where it found nothing. Throws ClamdAwayError where
 * it can't be reached, doesn't answer in time, breaks off, or answers that it can't say.
 */
export async function scanByClamd(
  address: ClamdAddress,
  bytes: Uint8Array,
  timeoutMs = scanLimitMs,
): Promise<string | null> {
  // A chunk of no bytes ends the stream.
  const chunk = bytes.length > 0 ? [toLength(bytes.length), bytes] : [];
  const answer = await ask(address, [toCommand('INSTREAM'), ...chunk, toLength(0)], timeoutMs);
  if (answer === 'stream: OK') return null;
  const [, signature] = /^stream: (.+) FOUND$/.exec(answer) ?? [];
  if (signature) return signature;
  throw new ClamdAwayError(`clamd answered ${JSON.stringify(answer.slice(0, 200))}`);
}

/** Its version and the date of its signatures, such as `ClamAV 1.4.3/27500/Thu Dec 26 09:37:14 2024`. Throws ClamdAwayError. */
export const readClamdVersion = (address: ClamdAddress): Promise<string> =>
  ask(address, [toCommand('VERSION')], connectLimitMs);

/** By the form of the protocol in which commands and answers end with a zero: so a half answer is known for one. */
const toCommand = (name: string): Uint8Array => Buffer.from(`z${name}\0`);

function toLength(bytes: number): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes);
  return length;
}

function ask({ host, port }: ClamdAddress, parts: Uint8Array[], timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const fail = (reason: string, cause?: Error) => {
      reject(new ClamdAwayError(`clamd at ${host}:${port}: ${reason}`, { cause }));
      socket.destroy();
    };
    const failAfter = (limitMs: number, what: string) =>
      setTimeout(() => fail(`no ${what} in ${Math.round(limitMs)} ms`), limitMs);
    const connecting = failAfter(Math.min(connectLimitMs, timeoutMs), 'connection');
    const answering = failAfter(timeoutMs, 'answer');
    let answer = '';
    socket.setEncoding('utf8');
    socket.once('connect', () => clearTimeout(connecting));
    socket.on('data', (text: string) => {
      answer += text;
      const end = answer.indexOf('\0');
      if (end < 0) return answer.length > maxAnswerLength ? fail('an answer without an end') : undefined;
      resolve(answer.slice(0, end));
      socket.destroy();
    });
    socket.once('error', (error) => fail(error.message, error));
    socket.once('end', () => fail('closed before it answered'));
    socket.once('close', () => {
      clearTimeout(connecting);
      clearTimeout(answering);
    });
    for (const part of parts) socket.write(part);
  });
}
