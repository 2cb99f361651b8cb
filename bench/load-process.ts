import { type Connection, openConnection, toRequest } from './connection.ts';
import type { Job, Outcome, Sequence } from './load.ts';

/** Sends what it is told to send; a process of its own, so that none of its work is a server's. */
process.on('message', async (message: { name: string; sequences: Sequence[] } | { job: Job }) => {
  if ('job' in message) process.send?.(await work(message.job));
  else scripts.set(message.name, { requests: message.sequences.map(toRequests), position: 0 });
});

/** What is sent over and over, and where the last job ended: whoever asks next is somebody else. */
interface Script {
  requests: Buffer[][];
  position: number;
}

const scripts = new Map<string, Script>();

const toRequests = ({ token, bodies }: Sequence) => bodies.map((body) => toRequest(token, body));

async function work({ script: name, ports, connections, requests }: Job): Promise<Outcome> {
  const script = scripts.get(name);
  if (!script) throw new Error(`Nothing was prepared for ${name}.`);
  const opened = await Promise.all(
    Array.from({ length: connections }, (_, index) => openConnection(ports[index % ports.length] as number)),
  );
  const outcome: Outcome = { requests: 0, latenciesMs: [], failure: null };
  try {
    await Promise.all(opened.map((connection) => keepBusy(connection, { script, outcome, requests })));
    return outcome;
  } catch (error) {
    return { ...outcome, failure: (error as Error).message };
  } finally {
    for (const connection of opened) connection.close();
  }
}

interface Work {
  script: Script;
  outcome: Outcome;
  requests: number;
}

async function keepBusy(connection: Connection, { script, outcome, requests }: Work): Promise<void> {
  for (let isFirst = true; outcome.requests < requests; ) {
    // A sequence is never left half done: what the first request changes, the second changes back.
    for (const request of next(script)) {
      const sentAt = performance.now();
      const response = await connection.exchange(request);
      if (!isFirst) outcome.latenciesMs.push(performance.now() - sentAt);
      isFirst = false;
      outcome.requests++;
      assertGood(response);
    }
  }
}

const next = (script: Script): Buffer[] => script.requests[script.position++ % script.requests.length] ?? [];

const status = Buffer.from('HTTP/1.1 200');

function assertGood(response: Buffer): void {
  if (response.subarray(0, status.length).equals(status) && !response.includes('"errors":')) return;
  throw new Error(`Expected an answer, and got ${response.toString('utf8', 0, 800)}`);
}
