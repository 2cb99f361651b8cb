import { readFile, writeFile } from 'node:fs/promises';

const file = new URL('../docs/benchmark.md', import.meta.url);

/** The parts of docs/benchmark.md that runs write; what stands between them is written by hand. */
export type Section = 'peers' | 'quick' | 'growth' | 'processes' | 'soak' | 'live' | 'pictures';

const begin = (name: Section) => `<!-- measured: ${name} -->\n`;
const end = '<!-- end -->';

/** Replaces a part of docs/benchmark.md by what was measured. */
export async function writeSection(name: Section, markdown: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  const start = text.indexOf(begin(name));
  const stop = text.indexOf(end, start);
  if (start < 0 || stop < 0) throw new Error(`Expected "${begin(name).trim()}" and "${end}" in docs/benchmark.md.`);
  await writeFile(file, `${text.slice(0, start)}${begin(name)}\n${markdown}\n\n${text.slice(stop)}`);
}
