import type { Statement } from '../../platform/database.ts';

/**
 * Entries of $1 user between two positions, at most $6, from one end or the other. By index
 * audit_entries(user_id, at desc, id desc).
 */
const entriesOf = (direction: 'desc' | 'asc'): string => `
select id, action, actor, at, changed_fields as "changedFields"
from audit_entries
where user_id = $1
  and (at, id) < ($2::timestamptz, $3::uuid)
  and (at, id) > ($4::timestamptz, $5::uuid)
order by at ${direction}, id ${direction}
limit least($6::int, 101)`;

export const newestEntries: Statement = { name: 'audit_entries_forward', text: entriesOf('desc') };
export const oldestEntries: Statement = { name: 'audit_entries_backward', text: entriesOf('asc') };
