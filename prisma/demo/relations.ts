/** Who is meant: the end of a demo person's id. */
export type DemoName = 'ada' | 'grace' | 'alan' | 'katherine' | 'hedy' | 'khwarizmi' | 'edsger';

/** The id of a demo person. */
export const demoId = (name: DemoName): string => `user_demo_${name}`;

/** Who follows whom. */
export const demoFollows: Record<DemoName, readonly DemoName[]> = {
  ada: ['grace', 'katherine', 'hedy', 'khwarizmi'],
  grace: ['ada', 'edsger', 'katherine'],
  alan: ['ada', 'khwarizmi'],
  katherine: ['ada', 'grace'],
  hedy: ['ada', 'grace'],
  khwarizmi: ['ada'],
  edsger: ['ada', 'khwarizmi', 'grace'],
};

/** Who waits for whose answer: the profiles of those asked aren't PUBLIC. */
export const demoFollowRequests: readonly { from: DemoName; to: DemoName }[] = [
  { from: 'ada', to: 'alan' },
  { from: 'edsger', to: 'katherine' },
  { from: 'hedy', to: 'katherine' },
];

/** Ids of The Movie Database: Kubrick, Lang, Villeneuve, Nolan, Miyazaki, Spielberg, Chaplin. */
export const demoCrewMembers: Partial<Record<DemoName, readonly number[]>> = {
  ada: [240, 137_427, 608],
  grace: [488],
  alan: [240, 525],
  katherine: [488, 137_427],
  hedy: [68, 13_848],
  edsger: [240],
};

/** Ids of The Movie Database: Pixar, Warner Bros., MGM, Studio Ghibli, A24. */
export const demoStudios: Partial<Record<DemoName, readonly number[]>> = {
  ada: [3, 10_342],
  grace: [3],
  katherine: [3, 174],
  hedy: [21, 174],
  khwarizmi: [10_342],
  edsger: [41_077],
};

/** An event, as input of the API but for its time. */
export interface DemoEvent {
  by: DemoName;
  daysAgo: number;
  type: 'VIEW' | 'RATING' | 'REVIEW' | 'WATCHLIST_ADD';
  /** Of The Movie Database. */
  movieId: number;
  rating?: number;
  review?: string;
}

const movies = {
  metropolis: 19,
  space2001: 62,
  tron: 97,
  contact: 686,
  modernTimes: 3_082,
  apollo13: 568,
  warGames: 860,
  matrix: 603,
  wallE: 10_681,
  interstellar: 157_336,
  imitationGame: 205_596,
  exMachina: 264_660,
  arrival: 329_865,
  hiddenFigures: 381_284,
} as const;

export const demoEvents: readonly DemoEvent[] = [
  { by: 'ada', daysAgo: 21, type: 'VIEW', movieId: movies.metropolis },
  {
    by: 'ada',
    daysAgo: 20,
    type: 'REVIEW',
    movieId: movies.metropolis,
    rating: 8.5,
    review: 'The machine weaves patterns of people as the loom weaves flowers and leaves. See it with an orchestra.',
  },
  { by: 'ada', daysAgo: 12, type: 'VIEW', movieId: movies.arrival },
  { by: 'ada', daysAgo: 12, type: 'RATING', movieId: movies.arrival, rating: 9.5 },
  { by: 'ada', daysAgo: 3, type: 'WATCHLIST_ADD', movieId: movies.hiddenFigures },
  { by: 'ada', daysAgo: 1, type: 'WATCHLIST_ADD', movieId: movies.exMachina },
  { by: 'grace', daysAgo: 16, type: 'VIEW', movieId: movies.warGames },
  {
    by: 'grace',
    daysAgo: 16,
    type: 'REVIEW',
    movieId: movies.warGames,
    rating: 7,
    review: 'The only winning move is to check who is dialling in. Nobody found the bug, and it was not even a moth.',
  },
  { by: 'grace', daysAgo: 6, type: 'RATING', movieId: movies.tron, rating: 6.5 },
  { by: 'alan', daysAgo: 9, type: 'VIEW', movieId: movies.imitationGame },
  { by: 'alan', daysAgo: 9, type: 'RATING', movieId: movies.imitationGame, rating: 6 },
  { by: 'alan', daysAgo: 4, type: 'WATCHLIST_ADD', movieId: movies.exMachina },
  { by: 'katherine', daysAgo: 14, type: 'VIEW', movieId: movies.apollo13 },
  { by: 'katherine', daysAgo: 14, type: 'RATING', movieId: movies.apollo13, rating: 10 },
  {
    by: 'katherine',
    daysAgo: 8,
    type: 'REVIEW',
    movieId: movies.hiddenFigures,
    rating: 9,
    review: 'I checked the numbers. They are right.',
  },
  { by: 'katherine', daysAgo: 2, type: 'WATCHLIST_ADD', movieId: movies.interstellar },
  { by: 'hedy', daysAgo: 11, type: 'VIEW', movieId: movies.modernTimes },
  { by: 'hedy', daysAgo: 11, type: 'RATING', movieId: movies.modernTimes, rating: 9 },
  { by: 'hedy', daysAgo: 5, type: 'VIEW', movieId: movies.contact },
  { by: 'khwarizmi', daysAgo: 7, type: 'RATING', movieId: movies.wallE, rating: 8 },
  { by: 'edsger', daysAgo: 10, type: 'VIEW', movieId: movies.space2001 },
  {
    by: 'edsger',
    daysAgo: 10,
    type: 'REVIEW',
    movieId: movies.space2001,
    review: 'A computer that cannot be wrong was asked to hide something. One invariant too few.',
  },
  { by: 'edsger', daysAgo: 4, type: 'RATING', movieId: movies.matrix, rating: 5.5 },
];
