import { buffer } from 'node:stream/consumers';
import { fromBufferPromise } from 'yauzl';
import type { TestApp } from './app.ts';
import type { Person } from './person.ts';

/** What the archive says of a file. */
export interface FileSum {
  name: string;
  bytes: number;
  sha256: string;
}

/** An archive that came whole. */
export interface Archive {
  /** Bytes by name, in the order of the archive. */
  files: Map<string, Buffer>;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the file has.
  json(name: string): any;
  manifest: { userId: string; exportedAt: string; files: FileSum[]; missingFiles: string[] };
  /** Every byte of every file. */
  text: string;
}

/** Begins an export, and answers whatever came. */
export const requestExport = (
  app: Pick<TestApp, 'fetch'>,
  { token }: Pick<Person, 'token'>,
  init: RequestInit = {},
): Promise<Response> =>
  app.fetch(
    new Request('http://visage.test/api/export', {
      ...init,
      headers: { ...(token && { authorization: `Bearer ${token}` }), ...(init.headers as Record<string, string>) },
    }),
  );

/** Exports; fails the test where the archive isn't whole. */
export async function takeOut(app: Pick<TestApp, 'fetch'>, person: Person): Promise<Archive> {
  const response = await requestExport(app, person);
  if (response.status !== 200) throw new Error(`Expected an archive, and got ${await response.text()}`);
  return readArchive(Buffer.from(await response.arrayBuffer()));
}

/** Reads an archive; yauzl throws on one without its end record, on unsafe names, and on wrong sums. */
export async function readArchive(bytes: Buffer): Promise<Archive> {
  const zip = await fromBufferPromise(bytes, { validateEntrySizes: true });
  const files = new Map<string, Buffer>();
  for await (const entry of zip.eachEntry()) {
    if (files.has(entry.fileName)) throw new Error(`The archive has ${entry.fileName} twice.`);
    files.set(entry.fileName, await buffer(await zip.openReadStreamPromise(entry)));
  }
  const json = (name: string) => JSON.parse(String(files.get(`${name}.json`)));
  return { files, json, manifest: json('manifest'), text: [...files.values()].map(String).join('\n') };
}
