/** What is asked, by the name of the operation; the peers that have a schema of their own have documents of their own. */
export interface Documents {
  me: string;
  page: string;
  events: string;
  /** For the cursor behind which the 1,000th page begins. */
  lastEvents: string;
  record: string;
  follow: string;
  unfollow: string;
  /** Visage's own, to see what a long list costs. */
  followers?: string;
  lastFollowers?: string;
}

const rows = 'edges { node { id type movieId rating review occurredAt } } pageInfo { hasNextPage endCursor }';

const followAnswer = '{ __typename ... on Follow { state since } ... on UserError { message } }';

/** For every server with Visage's schema. */
export const documents: Documents = {
  me: `query Me { me {
    id username displayName email pictureRevision
    profile { bio fieldOfStudy experienceLevel educationLevel yearsOfExperience skills preferredLocations }
    preferences { theme language favoriteGenres adultContent }
    privacy { profile watchHistory ratings }
    picture { version thumbhash url(size: 128) }
  } }`,
  page: `query Page($username: String!) { user(by: { username: $username }) {
    id username displayName
    profile { bio skills yearsOfExperience }
    followers(first: 20) {
      totalCount
      edges { since node { id username displayName viewerFollow picture { version thumbhash url(size: 128) } } }
      pageInfo { hasNextPage endCursor }
    }
    following { totalCount }
  } }`,
  events: `query Events($after: String) { me { events(first: 50, after: $after) { ${rows} } } }`,
  lastEvents: 'query LastEvents($last: Int!) { me { events(last: $last) { pageInfo { startCursor } } } }',
  record: `mutation Record($input: RecordEventInput!) { recordEvent(input: $input) {
    __typename ... on Event { id type movieId rating review occurredAt } ... on UserError { message }
  } }`,
  follow: `mutation Follow($target: FollowTarget!) { follow(target: $target) ${followAnswer} }`,
  unfollow: `mutation Unfollow($target: FollowTarget!) { unfollow(target: $target) ${followAnswer} }`,
  followers: `query Followers($username: String!, $after: String) { user(by: { username: $username }) {
    followers(first: 20, after: $after) {
      edges { since node { id username displayName viewerFollow picture { version thumbhash url(size: 128) } } }
      pageInfo { hasNextPage endCursor }
    }
  } }`,
  lastFollowers: `query LastFollowers($username: String!, $last: Int!) { user(by: { username: $username }) {
    followers(last: $last) { pageInfo { startCursor } }
  } }`,
};
