/** A file whose bytes stay where they are: a `File` of them would hold a copy, and give out others. */
export class HeldFile extends File {
  readonly held: Buffer;

  constructor(bytes: Buffer, { name, type, lastModified }: File) {
    super([], name, { type, lastModified });
    this.held = bytes;
  }

  override get size(): number {
    return this.held.length;
  }

  override async arrayBuffer(): Promise<ArrayBuffer> {
    return new Uint8Array(this.held).buffer;
  }

  override async text(): Promise<string> {
    return this.held.toString();
  }

  override slice(...range: Parameters<File['slice']>): Blob {
    return new Blob([this.held as Uint8Array<ArrayBuffer>]).slice(...range);
  }

  override stream(): ReturnType<File['stream']> {
    return new Blob([this.held as Uint8Array<ArrayBuffer>]).stream();
  }
}

/** The bytes of a file, not copied if that can be helped. */
export const readFileBytes = async (file: File): Promise<Buffer> =>
  file instanceof HeldFile ? file.held : Buffer.from(await file.arrayBuffer());
