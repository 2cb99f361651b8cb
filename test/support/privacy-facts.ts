import type { Person } from './person.ts';

/** What a change makes of two users. */
export type Change = 'follow' | 'request' | 'block' | 'nothing' | 'unblock';

export const arrow = (oneId: string | null, otherId: string) => `${oneId}>${otherId}`;

/** Who follows, asked to follow and blocks whom, kept by the test itself. */
export function createFacts(ownerId: string) {
  const [follows, requests, blocks, catalogue] = [
    new Set<string>(),
    new Set<string>(),
    new Set<string>(),
    new Set<string>(),
  ];
  const isAudience = (id: string | null) => id?.startsWith('owner as') ?? false;
  /** Whoever looks as an audience stands to all others as they are. */
  const real = (id: string | null) => (isAudience(id) ? ownerId : id);
  const isIn = (pairs: Set<string>, one: string | null, other: string | null) =>
    pairs.has(arrow(real(one), `${real(other)}`));
  return {
    catalogue,
    isAside: (viewerId: string | null, subjectId: string | null) => isAudience(viewerId) && subjectId !== ownerId,
    follows: (one: string | null, other: string) =>
      isAudience(one) && other === ownerId ? one === 'owner as FOLLOWERS' : isIn(follows, one, other),
    requested: (one: string | null, other: string) => isIn(requests, one, other),
    isBlocked: (one: string | null, other: string) =>
      one !== null && (isIn(blocks, one, other) || isIn(blocks, other, one)),
    followsCatalogue: (id: string | null, nodeId: string) => isIn(catalogue, id, nodeId),
    relate(change: Change, { id: one }: Person, { id: other }: Person) {
      const [there, back] = [arrow(one, other), arrow(other, one)];
      if (change === 'unblock') blocks.delete(there);
      if (change === 'unblock') return;
      for (const pairs of [follows, requests]) pairs.delete(there);
      if (change === 'follow') follows.add(there);
      if (change === 'request') requests.add(there);
      if (change !== 'block') return;
      blocks.add(there);
      for (const pairs of [follows, requests]) pairs.delete(back);
    },
  };
}
