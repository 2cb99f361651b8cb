/** A table in Markdown: the first row is its head. */
export function toTable(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows.map((cells) => `| ${cells.join(' | ')} |`);
  const columns = rows[0]?.length ?? 0;
  return [head, `|${' --- |'.repeat(columns)}`, ...body].join('\n');
}

/** Three digits that mean something. */
export const figure = (value: number): string => (Number.isFinite(value) ? String(Number(value.toPrecision(3))) : '-');

/** A figure beside what it may be at most. */
export const against = (value: number, target: number | undefined): string =>
  target === undefined ? figure(value) : `${value <= target ? figure(value) : `**${figure(value)}**`} (≤ ${target})`;
