import { v7 as uuidv7 } from 'uuid';
import type { Database, Statement } from '../../platform/database.ts';
import type { ReadNotes } from '../user/reader.ts';

/** What one request, or one message of a subscription, read of others that only an administrator could. */
export interface AdministratorReads extends ReadNotes {
  /** Writes what was noted since the last time, an entry for each owner; nothing where nothing was. Throws as `query` does. */
  write(): Promise<void>;
}

/**
 * An entry for each of $1, a JSON array of owners with the parts that were read. One who was deleted meanwhile has no log
 * any more. Their rows are locked against deletion in the order of their ids, by primary key.
 */
const insertReads: Statement = {
  name: 'insert_administrator_reads',
  text: `
with owner as (
  select read.entry_id, users.id, read.parts
  from json_to_recordset($1::json) as read (entry_id uuid, user_id text, parts text[])
  join users on users.id = read.user_id
  order by users.id
  for key share of users
)
insert into audit_entries (id, user_id, action, actor, changed_fields)
select entry_id, id, 'administrator.read', 'ADMINISTRATOR', parts from owner`,
};

export function createAdministratorReads(db: Pick<Database, 'query'>): AdministratorReads {
  let partsByOwner: Map<string, Set<string>> | null = null;
  return {
    note(ownerId, part) {
      partsByOwner ??= new Map();
      partsByOwner.set(ownerId, (partsByOwner.get(ownerId) ?? new Set()).add(part));
    },
    async write() {
      if (!partsByOwner) return;
      const entries = Array.from(partsByOwner, ([user_id, parts]) => ({
        entry_id: uuidv7(),
        user_id,
        parts: [...parts].sort(),
      }));
      partsByOwner = null;
      await db.query(insertReads, [JSON.stringify(entries)]);
    },
  };
}
