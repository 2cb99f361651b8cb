/** A trigger, and the table that it is on. */
export interface TriggerName {
  trigger: string;
  table: string;
}

const name = '"?(\\w+)"?';

/** The tables that migrations leave behind, in the order in which these are applied. */
export function tablesOf(migrations: { sql: string }[]): string[] {
  const tables = new Set<string>();
  const pattern = new RegExp(`\\b(CREATE|DROP) TABLE (?:IF (?:NOT )?EXISTS )?${name}`, 'gi');
  for (const { sql } of migrations) {
    for (const [, verb = '', table = ''] of withoutComments(sql).matchAll(pattern)) {
      if (verb.toUpperCase() === 'CREATE') tables.add(table);
      else tables.delete(table);
    }
  }
  return [...tables];
}

/** The triggers that migrations leave behind. */
export function triggersOf(migrations: { sql: string }[]): TriggerName[] {
  const triggers = new Map<string, TriggerName>();
  const created = `CREATE (?:OR REPLACE )?(?:CONSTRAINT )?TRIGGER ${name}\\s[^;]*?\\sON ${name}`;
  const dropped = `DROP TRIGGER (?:IF EXISTS )?${name} ON ${name}`;
  const pattern = new RegExp(`\\b(?:${created}|${dropped})`, 'gi');
  for (const { sql } of migrations) {
    for (const [, trigger, table, gone, from] of withoutComments(sql).matchAll(pattern)) {
      if (trigger && table) triggers.set(`${table}.${trigger}`, { trigger, table });
      else triggers.delete(`${from}.${gone}`);
    }
  }
  const tables = new Set(tablesOf(migrations));
  return [...triggers.values()].filter(({ table }) => tables.has(table));
}

const withoutComments = (sql: string): string => sql.replace(/--.*$/gm, '');
