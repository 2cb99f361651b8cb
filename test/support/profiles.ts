import fc from 'fast-check';
import type { CompletionFacts } from '../../src/modules/profile/completion.ts';
import { randomId, type TestApp } from './app.ts';

const white = [' ', '\t', '\n', '\u000b', '\u00a0', '\u1680', '\u2003', '\u2028', '\u202f', '\u3000', '\ufeff'];
const text = fc.constantFrom('', ...white, white.join(''), 'x', ' x ', '\u200b', '\u00ad', '\u{1f469}', '[', '\\');
const texts = fc.array(text, { maxLength: 3 });
const amount = fc.option(fc.nat(9));

/** Whatever a profile may hold, empty in every way. */
export const randomFacts: fc.Arbitrary<CompletionFacts> = fc.record({
  username: fc.option(fc.constant('').map(() => `n${randomId().slice(0, 16)}`)),
  displayName: fc.option(text),
  bio: fc.option(text),
  yearsOfExperience: fc.integer({ min: 0, max: 80 }),
  experienceLevel: fc.constantFrom('ENTRY', 'LEAD'),
  educationLevel: fc.constantFrom('BACHELORS', 'PHD'),
  fieldOfStudy: fc.option(text),
  skills: texts,
  preferredLocations: texts,
  salaryMin: amount,
  salaryMax: amount.map((value) => (value === null ? null : value + 10)),
  hasPicture: fc.boolean(),
});

/** A user of whom the facts are true, by their id; whoever has no active picture has an old one. */
export async function insertProfile(
  app: TestApp,
  { username, hasPicture, ...profile }: CompletionFacts,
): Promise<string> {
  const id = `user_${randomId()}`;
  const { prisma } = app.platform.db;
  await prisma.user.create({ data: { id, username } });
  await prisma.profile.update({ where: { userId: id }, data: { ...profile, salaryCurrency: 'EUR' } });
  await prisma.picture.create({ data: { ...picture, id: crypto.randomUUID(), userId: id, isActive: hasPicture } });
  return id;
}

const picture = {
  version: 1,
  width: 1,
  height: 1,
  animated: false,
  cropLeft: 0,
  cropTop: 0,
  cropSize: 1,
  variants: [],
  sourceKey: 'x',
  fileKeys: [],
  thumbhash: '',
  dominantColor: '#000000',
  originalMimeType: 'image/png',
  originalBytes: 1,
};
