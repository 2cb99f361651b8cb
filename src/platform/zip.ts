import { type PassThrough, Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { ZipFile } from 'yazl';

/** A file of an archive. */
export interface ZipEntry {
  /** Its path in the archive: relative, with slashes. */
  name: string;
  content: AsyncIterable<string | Uint8Array>;
  /** False for what is compressed already, such as pictures. */
  isCompressed: boolean;
}

/** An archive that comes into being while it is read. */
export interface Zip {
  /** Fails, without the archive's end record, where an entry fails or nobody reads on. */
  bytes: ReadableStream<Uint8Array>;
  /** Resolves when all was read, or the reader left; rejects with what cut it short. Nothing is read for it any more. */
  ended: Promise<void>;
  /** Makes the bytes fail, whether somebody reads on or not. */
  cutOff(reason: Error): void;
}

/**
 * Makes an archive of the entries, one after the other: each is asked for when the one before it was read to its end, and
 * read no faster than the archive is. `stallMs` is how long a reader may leave the next bytes waiting.
 */
export function createZip(entries: AsyncIterable<ZipEntry>, { stallMs }: { stallMs: number }): Zip {
  const zip = new ZipFile();
  const output = zip.outputStream as PassThrough;
  zip.on('error', (error) => output.destroy(error));
  let isAbandoned = false;

  const write = async () => {
    try {
      await writeEntries(zip, output, entries);
      zip.end();
      await finished(output);
    } catch (error) {
      const cause = output.errored ?? (error as Error);
      output.destroy(cause);
      if (!isAbandoned) throw cause;
    }
  };
  const ended = write();
  const abandon = () => {
    isAbandoned = true;
    output.destroy();
  };
  return { bytes: toWebStream(output, { stallMs, abandon }), ended, cutOff: (reason) => void output.destroy(reason) };
}

async function writeEntries(zip: ZipFile, output: PassThrough, entries: AsyncIterable<ZipEntry>): Promise<void> {
  for await (const { name, content, isCompressed } of entries) {
    const source = Readable.from(content, { objectMode: false });
    const stop = () => source.destroy();
    output.once('close', stop);
    if (output.destroyed) stop();
    else zip.addReadStream(source, name, { compress: isCompressed });
    // Closed early, it waits for what its content is waiting for.
    await finished(source);
    output.off('close', stop);
  }
}

/** Not `Readable.toWeb`, which reads thousands of chunks ahead. */
function toWebStream(
  output: PassThrough,
  { stallMs, abandon }: { stallMs: number; abandon(): void },
): ReadableStream<Uint8Array> {
  const chunks = output[Symbol.asyncIterator]();
  const waitForReader = () =>
    setTimeout(() => output.destroy(new Error(`nobody read on for ${stallMs} ms`)), stallMs).unref();
  let stalled = waitForReader();
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        // At once: who waits for a client that takes nothing has to let go of it. Unheard, it would end the process.
        output.on('error', (error) => controller.error(error));
      },
      async pull(controller) {
        clearTimeout(stalled);
        const { done, value } = await chunks.next();
        if (done) return controller.close();
        controller.enqueue(value);
        stalled = waitForReader();
      },
      cancel() {
        clearTimeout(stalled);
        abandon();
      },
    },
    { highWaterMark: 0 },
  );
}
