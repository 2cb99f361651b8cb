import fc from 'fast-check';
import { deleteAccountMutation } from './account.ts';
import { type Change, pairChanges, readOutcome, toOperation } from './follow-model.ts';
import type { Person } from './person.ts';

/** Anything that moves a counter. */
export type StormChange =
  | Change
  | { name: 'followCatalogue' | 'unfollowCatalogue'; by: number; target: object }
  | { name: 'deleteAccount'; by: number };

/** How many people there are; the last of them may delete their accounts. */
export interface Crowd {
  size: number;
  mortals: number;
}

/** Changes among a crowd; following is what people do most, and an account is deleted once in a thousand changes. */
export function stormOf(length: number, { size, mortals }: Crowd): fc.Arbitrary<StormChange[]> {
  const place = fc.nat(size - 1);
  const pair = fc.record({ name: fc.constantFrom('follow', 'follow', ...pairChanges), by: place, to: place });
  const profile = fc.constantFrom('PUBLIC', 'FOLLOWERS', 'PRIVATE');
  const privacy = fc.record({ name: fc.constant('upsertPrivacy'), by: place, profile });
  const tmdbId = fc.integer({ min: 1, max: 5 });
  const target = fc.oneof(fc.record({ crewMemberTmdbId: tmdbId }), fc.record({ studioTmdbId: tmdbId }));
  const catalogue = fc.record({ name: fc.constantFrom('followCatalogue', 'unfollowCatalogue'), by: place, target });
  const mortal = fc.integer({ min: size - mortals, max: size - 1 });
  const deletion = fc.record({ name: fc.constant('deleteAccount'), by: mortal });
  const change = fc.oneof(
    { weight: 700, arbitrary: pair },
    { weight: 60, arbitrary: privacy },
    { weight: 239, arbitrary: catalogue },
    { weight: 1, arbitrary: deletion },
  ) as fc.Arbitrary<StormChange>;
  const storm = fc.noShrink(fc.array(change, { minLength: length, maxLength: length, size: 'max' }));
  // The seed makes them again; all of them would drown the failure.
  return storm.map((changes) => Object.assign(changes, { [fc.toStringMethod]: () => `${length} changes` }));
}

const catalogueMutation = (field: 'follow' | 'unfollow') =>
  `mutation ($target: FollowTarget!) { ${field}(target: $target) { __typename ... on Follow { state } } }`;

function toStormOperation(people: Person[], change: StormChange) {
  if (change.name === 'deleteAccount') {
    return { document: deleteAccountMutation, variables: { confirmation: people[change.by]?.id } };
  }
  if ('target' in change) {
    const field = change.name === 'followCatalogue' ? 'follow' : 'unfollow';
    return { document: catalogueMutation(field), variables: { target: change.target } };
  }
  return toOperation(people, change);
}

/** What a change may come to, whatever happens beside it; the first is that it was done. */
const outcomes: Record<StormChange['name'], [string, ...string[]]> = {
  follow: ['FOLLOWING', 'REQUESTED', 'NotFoundError'],
  unfollow: ['NONE', 'NotFoundError'],
  acceptFollowRequest: ['FOLLOWING', 'NotFoundError'],
  declineFollowRequest: ['NONE', 'NotFoundError'],
  removeFollower: ['NONE', 'REQUESTED', 'NotFoundError'],
  blockUser: ['User', 'NotFoundError'],
  unblockUser: ['User', 'NotFoundError'],
  upsertPrivacy: ['Privacy'],
  followCatalogue: ['FOLLOWING'],
  unfollowCatalogue: ['NONE'],
  deleteAccount: ['DeletedAccount'],
};

function isPossible(change: StormChange, outcome: string, { size, mortals }: Crowd): boolean {
  if (outcome === 'UNAUTHENTICATED') return change.by >= size - mortals;
  const isOfOneself = 'to' in change && change.to === change.by;
  return isOfOneself ? /^(InvalidInput|NotFound)Error$/.test(outcome) : outcomes[change.name].includes(outcome);
}

/** What came of a storm: what nobody should have been answered, and the kinds of changes of which one at least was done. */
interface Aftermath {
  answers: number;
  impossible: string[];
  done: Set<StormChange['name']>;
}

/** How many changes are under way at once. */
const width = 40;

/** Does the changes in their order, many at once, in turn through each of the servers at which the same people are. */
export async function storm(servers: Person[][], changes: StormChange[], crowd: Crowd): Promise<Aftermath> {
  const aftermath: Aftermath = { answers: 0, impossible: [], done: new Set() };
  const rest = changes.entries();
  const work = async () => {
    for (const [index, change] of rest) {
      const people = servers[index % servers.length] as Person[];
      const { document, variables } = toStormOperation(people, change);
      const { status, data, errors } = await (people[change.by] as Person).ask(document, variables);
      const outcome = errors ? String(errors[0]?.extensions.code) : readOutcome(data as never);
      aftermath.answers += 1;
      if (outcome === outcomes[change.name][0]) aftermath.done.add(change.name);
      if (!isPossible(change, outcome, crowd)) {
        aftermath.impossible.push(`${JSON.stringify(change)}: ${status} ${outcome} ${errors?.[0]?.message ?? ''}`);
      }
    }
  };
  await Promise.all(Array.from({ length: width }, work));
  return aftermath;
}

/** Every kind of change that there is. */
export const stormChanges = Object.keys(outcomes);
