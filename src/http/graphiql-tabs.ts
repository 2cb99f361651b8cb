/** What the tabs hold when GraphiQL is opened for the first time. Each works on the demo data as it is. */
export const firstTabs = [
  `# Welcome to Visage! You are Ada Lovelace:
# her token is in the Headers pane below.
# Press the pink button, or Ctrl-Enter.

query Me {
  me {
    id
    username
    displayName
    imageUrl(size: 256)
    picture { version altText thumbhash }
    profile {
      bio
      skills
      salary { min max currency }
      completion { percentage missingFields }
    }
    preferences { theme language favoriteGenres }
    privacy { profile watchHistory ratings }
  }
}
`,
  `# Others, as Ada may see them: Grace's profile is
# open to anyone, Katherine's to followers such as
# Ada, Alan's to nobody: she asked to follow him.
# Empty the Headers pane to ask as a stranger.

query Others {
  grace: user(by: {username: "grace"}) { ...Person }
  kate: user(by: {username: "Katherine"}) { ...Person }
  alan: user(by: {id: "user_demo_alan"}) { ...Person }
  edsger: user(by: {username: "edsger"}) { ...Person }
}

fragment Person on User {
  displayName
  imageUrl(size: 128)
  viewerFollow
  followsViewer
  profile { bio skills }
  email # the owner's alone, so always null here
}
`,
  `# What is left out stays as it is; null empties it.
# What a person can mend is part of the answer:
# try yearsOfExperience: 200.

mutation ChangeProfile {
  upsertProfile(input: {
    bio: "Poetical science, and films about time."
    skills: ["Algorithms", "Poetry", "GraphQL"]
    yearsOfExperience: 13
  }) {
    __typename
    ... on Profile { bio skills yearsOfExperience }
    ... on UserError { message }
    ... on InvalidInputError {
      fields { path message }
    }
  }
}
`,
  `# Setting up a profile: is the name free, what is
# missing, and is it done?

query ProfileSetup {
  taken: usernameAvailability(username: "Grace") {
    ...Name
  }
  free: usernameAvailability(username: "countess") {
    ...Name
  }
  me {
    profile {
      completion {
        percentage
        missingFields
        isComplete
        completedAt
      }
    }
  }
}

fragment Name on UsernameAvailability {
  username available reason suggestions
}

mutation MarkComplete {
  markProfileComplete {
    __typename
    ... on Profile { isComplete }
    ... on ProfileIncompleteError {
      message
      missingFields
    }
  }
}
`,
  `# Who follows whom. A list's count is its owner's;
# "after" takes the endCursor of the page before.

query Follows {
  me {
    followers(first: 3) {
      totalCount
      pageInfo { hasNextPage endCursor }
      edges {
        since
        node { displayName viewerFollow }
      }
    }
    following(first: 3) {
      edges { node { displayName followsViewer } }
    }
    followRequests(first: 3) { totalCount }
    followedCrewMembers(first: 3) {
      edges { node { tmdbId followerCount } }
    }
    followedStudios(first: 3) {
      edges { node { tmdbId followerCount } }
    }
  }
}

# Crew members and studios are ids of The Movie
# Database. Done twice, it is the same as once.

mutation Follow {
  edsger: follow(
    target: { userId: "user_demo_edsger" }
  ) { ...State }
  nolan: follow(
    target: { crewMemberTmdbId: 525 }
  ) { ...State }
  ghibli: follow(
    target: { studioTmdbId: 10342 }
  ) { ...State }
}

mutation Unfollow {
  unfollow(
    target: { userId: "user_demo_edsger" }
  ) { ...State }
}

fragment State on FollowResult {
  ... on Follow { state }
  ... on UserError { message }
}
`,
  `# What Ada did with movies, newest first, and what
# she may see of it in Katherine.

query Events {
  me {
    events(first: 5, types: [RATING, REVIEW]) {
      pageInfo { hasNextPage endCursor }
      edges {
        node { type movieId rating review occurredAt }
      }
    }
  }
  katherine: user(by: { username: "katherine" }) {
    events(first: 3) {
      edges { node { type movieId rating } }
    }
  }
}

# Sent again with the same key, it is the same event.

mutation RecordEvent {
  recordEvent(input: {
    type: RATING
    movieId: 603
    rating: 9.5
    idempotencyKey: "the-matrix"
  }) {
    ... on Event { id type rating occurredAt }
    ... on UserError { message }
    ... on InvalidInputError { fields { path message } }
  }
}

mutation ForgetTheMatrix {
  deleteEvents(movieId: 603) {
    ... on DeletedEvents { count }
    ... on UserError { message }
  }
}
`,
  `# By the start of a username or of a display name,
# with or without accents, in any case.

query Search {
  users(search: "al", first: 5) {
    edges { node { username displayName viewerFollow } }
  }
}
`,
  `# Pictures as they change. The first answer comes
# at once, since Ada's is newer than what is known.
# Leave it running and upload another; the server
# printed the address and the token:
#
# curl http://127.0.0.1:4000/graphql \\
#   -H "Authorization: Bearer $TOKEN" \\
#   -F 'operations={"query": "mutation ($f: File!) { uploadProfilePicture(file: $f) { __typename } }", "variables": {"f": null}}' \\
#   -F 'map={"f": ["variables.f"]}' -F f=@photo.jpg

subscription LivePicture {
  profilePictureUpdated(
    userIds: ["user_demo_ada", "user_demo_grace"]
    known: [{ userId: "user_demo_ada", revision: 0 }]
  ) {
    userId
    revision
    imageUrl
    picture { version altText dominantColor }
  }
}
`,
  `# Who sees which part of Ada: PUBLIC (anyone),
# FOLLOWERS, or PRIVATE (nobody else).

mutation ChangePrivacy {
  upsertPrivacy(input: { watchHistory: PRIVATE, ratings: FOLLOWERS }) {
    profile
    watchHistory
    ratings
    updatedAt
  }
}

# A blocked user finds nothing of Ada any more.

mutation Block {
  blockUser(userId: "user_demo_edsger") {
    ... on User { displayName }
    ... on UserError { message }
  }
}

mutation Unblock {
  unblockUser(userId: "user_demo_edsger") {
    ... on User { displayName }
    ... on UserError { message }
  }
}
`,
];
