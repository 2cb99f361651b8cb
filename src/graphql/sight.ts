import type { UserRecord } from '../modules/user/record.ts';
import { type CanSee, type Part, sightOf } from '../modules/visibility/policy.ts';
import type { Context } from './context.ts';

/**
 * May the viewer see that part of the user? What they see as an administrator alone is noted, and stands in the owner's
 * audit log before the answer leaves.
 */
export function canSee({ reads }: Pick<Context, 'reads'>, owner: UserRecord, part: Part): boolean {
  const sight = sightOf(owner, part);
  if (sight === 'ADMINISTRATOR') reads.note(owner.id, part);
  return sight !== null;
}

/** The same question, for whoever reads on behalf of this request. */
export const sightIn =
  (context: Pick<Context, 'reads'>): CanSee =>
  (owner, part) =>
    canSee(context, owner, part);
