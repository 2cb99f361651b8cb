/** A line for whoever waits; tables alone go to the standard output. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
