import type { Visibility } from '../../src/generated/prisma/enums.ts';

/** Somebody to try the server with. The inputs are those of the API. */
export interface DemoPerson {
  id: string;
  email: string;
  firstName: string;
  lastName: string;
  profile: { username: string } & Record<string, unknown>;
  preferences: Record<string, unknown>;
  privacy: Record<'profile' | 'watchHistory' | 'ratings', Visibility>;
  /** A file of this folder; null leaves generated initials to be seen. */
  picture: { file: string; altText: string } | null;
}

/** Pioneers of computing. GraphiQL and the printed token are Ada's. */
export const demoPeople: readonly DemoPerson[] = [
  {
    id: 'user_demo_ada',
    email: 'ada@example.com',
    firstName: 'Ada',
    lastName: 'Lovelace',
    profile: {
      username: 'ada',
      displayName: 'Ada Lovelace',
      bio: 'Wrote a program for a machine that was never finished.\nPoetical science, long walks, and films about time.',
      yearsOfExperience: 12,
      experienceLevel: 'LEAD',
      educationLevel: 'OTHER',
      fieldOfStudy: 'Mathematics',
      skills: ['Algorithms', 'Bernoulli numbers', 'Technical writing', 'Punched cards'],
      workArrangement: 'HYBRID',
      preferredLocations: ['London', 'Somerset'],
      salary: { min: 90_000, max: 120_000, currency: 'GBP' },
    },
    preferences: {
      favoriteGenres: [878, 18, 36],
      language: 'en-GB',
      theme: 'LIGHT',
      notifications: [
        { name: 'new_follower', enabled: true },
        { name: 'weekly_digest', enabled: false },
      ],
    },
    privacy: { profile: 'PUBLIC', watchHistory: 'FOLLOWERS', ratings: 'PUBLIC' },
    picture: {
      file: 'ada.jpg',
      altText: 'Ada Lovelace, smiling, flowers in her parted hair, between gears and punched cards',
    },
  },
  {
    id: 'user_demo_grace',
    email: 'grace@example.com',
    firstName: 'Grace',
    lastName: 'Hopper',
    profile: {
      username: 'grace',
      displayName: 'Grace Hopper',
      bio: 'It is easier to ask forgiveness than it is to get permission. I hand out nanoseconds, 30 cm each.',
      yearsOfExperience: 43,
      experienceLevel: 'EXECUTIVE',
      educationLevel: 'PHD',
      fieldOfStudy: 'Mathematics',
      skills: ['Compilers', 'COBOL', 'Debugging', 'Public speaking'],
      workArrangement: 'ON_SITE',
      preferredLocations: ['Arlington', 'New York'],
      salary: { min: 150_000, max: 180_000, currency: 'USD' },
    },
    preferences: {
      favoriteGenres: [10752, 35],
      theme: 'DARK',
      notifications: [{ name: 'new_follower', enabled: true }],
    },
    privacy: { profile: 'PUBLIC', watchHistory: 'PUBLIC', ratings: 'PUBLIC' },
    picture: {
      file: 'grace.png',
      altText: 'Grace Hopper in naval uniform and round glasses, a moth taped to a page behind her',
    },
  },
  {
    id: 'user_demo_alan',
    email: 'alan@example.com',
    firstName: 'Alan',
    lastName: 'Turing',
    profile: {
      username: 'alan',
      displayName: 'Alan Turing',
      bio: 'We can only see a short distance ahead, but we can see plenty there that needs to be done.',
      yearsOfExperience: 18,
      experienceLevel: 'SENIOR',
      educationLevel: 'PHD',
      fieldOfStudy: 'Mathematical logic',
      skills: ['Computability', 'Cryptanalysis', 'Morphogenesis', 'Long-distance running'],
      workArrangement: 'ANY',
      preferredLocations: ['Manchester', 'Cambridge'],
      salary: { min: 80_000, currency: 'GBP' },
    },
    preferences: {
      favoriteGenres: [9648, 878],
      language: 'en-GB',
      notifications: [{ name: 'follow_request', enabled: true }],
    },
    privacy: { profile: 'PRIVATE', watchHistory: 'PRIVATE', ratings: 'PRIVATE' },
    picture: {
      file: 'alan.webp',
      altText: 'Alan Turing in a tweed jacket, tapes of ones and noughts running past behind him',
    },
  },
  {
    id: 'user_demo_katherine',
    email: 'katherine@example.com',
    firstName: 'Katherine',
    lastName: 'Johnson',
    profile: {
      username: 'katherine',
      displayName: 'Katherine Johnson',
      bio: 'I count everything: the steps to the road, the steps up to church, the way to the Moon and back.',
      yearsOfExperience: 35,
      experienceLevel: 'SENIOR',
      educationLevel: 'BACHELORS',
      fieldOfStudy: 'Mathematics and French',
      skills: ['Orbital mechanics', 'Analytic geometry', 'Checking the computer'],
      workArrangement: 'ON_SITE',
      preferredLocations: ['Hampton', 'Houston'],
      salary: { min: 95_000, max: 130_000, currency: 'USD' },
    },
    preferences: { favoriteGenres: [878, 36, 99], theme: 'DARK', language: 'en-US' },
    privacy: { profile: 'FOLLOWERS', watchHistory: 'FOLLOWERS', ratings: 'FOLLOWERS' },
    picture: {
      file: 'katherine.jpg',
      altText: 'Katherine Johnson in cat-eye glasses and pearls; behind her a capsule on its way round the Moon',
    },
  },
  {
    id: 'user_demo_hedy',
    email: 'hedy@example.com',
    firstName: 'Hedy',
    lastName: 'Lamarr',
    profile: {
      username: 'hedy.lamarr',
      displayName: 'Hedy Lamarr',
      bio: 'On the screen by day, at the drafting table by night. Films have a certain place in time; technology is forever.',
      yearsOfExperience: 28,
      experienceLevel: 'MID',
      educationLevel: 'HIGH_SCHOOL',
      fieldOfStudy: 'Acting',
      skills: ['Frequency hopping', 'Inventing', 'Acting', 'Piano rolls'],
      workArrangement: 'REMOTE',
      preferredLocations: ['Vienna', 'Los Angeles'],
      salary: { min: 200_000, currency: 'USD' },
    },
    preferences: { favoriteGenres: [10749, 18, 53], language: 'de-AT', theme: 'LIGHT' },
    privacy: { profile: 'PUBLIC', watchHistory: 'PUBLIC', ratings: 'PUBLIC' },
    picture: {
      file: 'hedy.webp',
      altText: 'Hedy Lamarr with long dark waves and emerald earrings, beside a mast that sends radio waves',
    },
  },
  {
    id: 'user_demo_khwarizmi',
    email: 'khwarizmi@example.com',
    firstName: 'Muhammad',
    lastName: 'al-Khwarizmi',
    profile: {
      username: 'al_khwarizmi',
      displayName: 'محمد الخوارزمي',
      bio: 'Completion and balancing. Algorithms are named after me, and so, more or less, is the guarismo.',
      yearsOfExperience: 30,
      experienceLevel: 'LEAD',
      educationLevel: 'OTHER',
      fieldOfStudy: 'Algebra',
      skills: ['Algebra', 'Astronomy', 'Geography', 'Positional numerals'],
      workArrangement: 'HYBRID',
      preferredLocations: ['Baghdad', 'Khiva'],
      salary: { min: 1_000, max: 3_000, currency: 'IQD' },
    },
    preferences: { favoriteGenres: [99, 36], language: 'ar', theme: 'SYSTEM' },
    privacy: { profile: 'PUBLIC', watchHistory: 'PRIVATE', ratings: 'PUBLIC' },
    picture: {
      file: 'khwarizmi.png',
      altText: 'Al-Khwarizmi, bearded, in a white turban and a teal robe, before a wall of eight-pointed stars',
    },
  },
  {
    id: 'user_demo_edsger',
    email: 'edsger@example.com',
    firstName: 'Edsger',
    lastName: 'Dijkstra',
    profile: {
      username: 'edsger',
      displayName: 'Edsger Dijkstra',
      bio: 'Simplicity is a prerequisite for reliability. No picture, please: I write with a fountain pen.',
      yearsOfExperience: 50,
      experienceLevel: 'LEAD',
      educationLevel: 'PHD',
      fieldOfStudy: 'Theoretical physics',
      skills: ['Shortest paths', 'Structured programming', 'Semaphores', 'Handwriting'],
      workArrangement: 'REMOTE',
      preferredLocations: ['Nuenen', 'Austin'],
      salary: { min: 85_000, max: 110_000, currency: 'EUR' },
    },
    preferences: { favoriteGenres: [18], language: 'nl', notifications: [{ name: 'weekly_digest', enabled: false }] },
    privacy: { profile: 'PUBLIC', watchHistory: 'PRIVATE', ratings: 'FOLLOWERS' },
    picture: null,
  },
];
