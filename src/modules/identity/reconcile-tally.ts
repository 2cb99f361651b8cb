/** What a comparison with Clerk found, and did; in a dry run, what it would do. */
export interface ReconciliationTally {
  /** Users of Clerk's that were compared. */
  seen: number;
  created: number;
  changed: number;
  /** How often each field changed, by its name in the API. */
  changedFields: Record<string, number>;
  /** Users here whom Clerk no longer knew. */
  erased: number;
  /** Users whose name in Clerk is not allowed here, or somebody else's. */
  usernameConflicts: number;
  /** Users whom Clerk still has, and who deleted their account here; Clerk is told by the outbox. */
  deletedHere: number;
  /** Users who could not be repaired. */
  failed: number;
}

export const createTally = (): ReconciliationTally => ({
  seen: 0,
  created: 0,
  changed: 0,
  changedFields: {},
  erased: 0,
  usernameConflicts: 0,
  deletedHere: 0,
  failed: 0,
});

/** How many users were, or in a dry run are, not as Clerk has them. */
export const driftOf = ({
  created,
  changed,
  erased,
  failed,
}: Pick<ReconciliationTally, 'created' | 'changed' | 'erased' | 'failed'>): number =>
  created + changed + erased + failed;

export function countChange(tally: ReconciliationTally, fields: string[]): void {
  tally.changed += 1;
  for (const field of fields) tally.changedFields[field] = (tally.changedFields[field] ?? 0) + 1;
}
