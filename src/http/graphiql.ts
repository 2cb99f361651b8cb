import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type HttpReply, type HttpRequest, header } from './exchange.ts';

/** What the tabs hold when GraphiQL is opened for the first time. Each works on the demo data as it is. */
const firstTabs = [
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
`,
];

/** A face that is seen by some: half of it is filled. */
const logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="32" height="32"><rect width="32" height="32" rx="9" fill="#d60690"/><circle cx="16" cy="16" r="9.5" fill="none" stroke="#fff" stroke-width="2"/><path d="M16 6.5a9.5 9.5 0 0 1 0 19z" fill="#fff"/><circle cx="12.4" cy="14" r="1.5" fill="#fff"/><circle cx="19.6" cy="14" r="1.5" fill="#d60690"/><path d="M12 19.2q4 3.2 8 0" fill="none" stroke="#fff" stroke-width="1.8" stroke-linecap="round"/><path d="M16 20.8q2.2 0 4-1.6" fill="none" stroke="#d60690" stroke-width="1.8" stroke-linecap="round"/></svg>`;

/**
 * GraphiQL lets tabs that it starts with fly to their places, and until one was pressed once, pressing throws it back to
 * where it came from: the click would be lost.
 */
const style = '<style>.graphiql-tab { transform: none !important; }</style>';

/** The page in two forms: 9 MB as it is, 2.3 MB compressed. */
interface Page {
  plain: Buffer;
  gzipped: Buffer;
}

/** Serves GraphiQL, from files that are installed with the server. The page is made once for a token. */
export function createGraphiQL(
  demoToken: () => Promise<string | null>,
): (request?: Pick<HttpRequest, 'headers'>) => Promise<HttpReply> {
  let made: { token: string | null; page: Promise<Page> } | null = null;
  const pageFor = (token: string | null): Promise<Page> => {
    if (made?.token !== token) made = { token, page: render(token) };
    return made.page;
  };
  return async (request) => {
    const { plain, gzipped } = await pageFor(await demoToken());
    const isGzipAccepted = request !== undefined && /\bgzip\b/.test(header(request, 'accept-encoding') ?? '');
    return {
      status: 200,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        ...(isGzipAccepted && { 'content-encoding': 'gzip' }),
      },
      body: isGzipAccepted ? gzipped : plain,
    };
  };
}

async function render(token: string | null): Promise<Page> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  const html = renderGraphiQL({
    title: 'Visage',
    logo,
    favicon: `data:image/svg+xml,${encodeURIComponent(logo)}`,
    endpoint: '/graphql',
    defaultTabs: firstTabs.map((query) => ({ query })),
    headers: JSON.stringify(token ? { authorization: `Bearer ${token}` } : {}, null, 2),
    // A token that the browser kept would be sent long after it expired: each load brings its own.
    shouldPersistHeaders: false,
    // Over server-sent events the headers are sent along; over WebSocket they would come too late to sign in with.
    subscriptionsProtocol: 'SSE',
    additionalHeaders: { 'graphql-preflight': '1' },
  });
  const plain = Buffer.from(html.replace('</head>', `${style}</head>`));
  return { plain, gzipped: await promisify(gzip)(plain) };
}
