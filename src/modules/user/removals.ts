/** What a user can take away, and an import could bring back. */
export type RemovalKind = 'EVENT' | 'FOLLOW' | 'FOLLOWER' | 'BLOCK' | 'CREW_MEMBER' | 'STUDIO';

/**
 * A part of a statement whose $1 is a user: notes, where the condition holds, that they took away something of these kinds
 * now. What it was, nobody needs to know: an import brings nothing of the kind that is older.
 */
export const noted = (kinds: readonly RemovalKind[], condition: string): string => `
noted as (
  insert into removals (user_id, kind)
  select $1, kind from unnest(array['${kinds.join("', '")}']::removal_kind[]) as kind where ${condition}
  on conflict (user_id, kind) do update set at = excluded.at
)`;
