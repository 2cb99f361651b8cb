/** Fields of a JSON object by their names, each with the SQL expression that gives its value. */
export type JsonFields = Record<string, string>;

/** An instant as the API writes it. JSON of PostgreSQL's own would have an offset, and as many digits as it needs. */
export const instant = (column: string): string =>
  `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** The SQL expression of a JSON object. */
export const jsonOf = (fields: JsonFields): string =>
  `json_build_object(${Object.entries(fields)
    .map(([name, expression]) => `'${name}', ${expression}`)
    .join(', ')})`;
