import { expect } from 'vitest';
import type { Person } from './person.ts';
import { isAllowed, type TextRules, texts } from './texts.ts';

/** A text as a failing test names it. */
export const quoted = (text: string) => JSON.stringify(text);

type Me = Awaited<ReturnType<Person['me']>>;
type Result = { __typename: string; fields?: { path: string }[] };

/** A field of an input: where its mistakes are told, what it accepts, how a text is sent in it, and how it is read. */
export interface TextField {
  path: string;
  accepts: (text: string) => boolean;
  toInput: (text: string) => object;
  read: (me: Me) => string | null | undefined;
}

/** What these rules allow. */
export const by = (rules: TextRules) => (text: string) => isAllowed(text, rules);

export const profileFields: TextField[] = [
  {
    path: 'displayName',
    accepts: by({ graphemes: 64 }),
    toInput: (displayName) => ({ displayName }),
    read: ({ profile }) => profile?.displayName,
  },
  {
    path: 'bio',
    accepts: by({ graphemes: 500, isMultiline: true, isClearable: true }),
    toInput: (bio) => ({ bio }),
    read: ({ profile }) => profile?.bio,
  },
  {
    path: 'fieldOfStudy',
    accepts: by({ graphemes: 60, isClearable: true }),
    toInput: (fieldOfStudy) => ({ fieldOfStudy }),
    read: ({ profile }) => profile?.fieldOfStudy,
  },
  {
    path: 'skills.1',
    accepts: by({ graphemes: 60 }),
    toInput: (skill) => ({ skills: ['sql', skill] }),
    read: ({ profile }) => profile?.skills[1],
  },
  {
    path: 'preferredLocations.1',
    accepts: by({ graphemes: 60 }),
    toInput: (location) => ({ preferredLocations: ['Paris', location] }),
    read: ({ profile }) => profile?.preferredLocations[1],
  },
];

export const preferencesFields: TextField[] = [
  {
    path: 'language',
    accepts: (text) => /^([a-z]{2,3}(-[a-z0-9]{2,8})*|[a-z]{5,8})$/i.test(text.trim()),
    toInput: (language) => ({ language }),
    read: ({ preferences }) => preferences?.language,
  },
  {
    path: 'notifications.1.name',
    accepts: by({ graphemes: 64 }),
    toInput: (name) => ({
      notifications: [
        { name: 'news', enabled: false },
        { name, enabled: true },
      ],
    }),
    read: ({ preferences }) => preferences?.notifications.find(({ enabled }) => enabled)?.name,
  },
];

const inputOf = (fields: TextField[], text: string) => Object.assign({}, ...fields.map(({ toInput }) => toInput(text)));

/** In all fields at once: those that refuse the text are named; without them it is there when it is read afresh. */
export async function expectKeptOrRefused(
  person: Person,
  text: string,
  { fields, change }: { fields: TextField[]; change: (input: object) => Promise<object> },
): Promise<void> {
  const refusing = fields.filter(({ accepts }) => !accepts(text));
  const keeping = fields.filter(({ accepts }) => accepts(text));
  if (refusing.length > 0) {
    const answer = (await change(inputOf(fields, text))) as Result;
    const paths = answer.fields?.map(({ path }) => path).toSorted();
    expect([answer.__typename, paths], quoted(text)).toEqual([
      'InvalidInputError',
      refusing.map(({ path }) => path).toSorted(),
    ]);
  }
  if (keeping.length === 0) return;
  expect(await change(inputOf(keeping, text)), quoted(text)).not.toHaveProperty('fields');
  const me = await person.me();
  expect(keeping.map((field) => [field.path, field.read(me) ?? ''])).toEqual(
    keeping.map(({ path }) => [path, text.trim()]),
  );
}

/** Each field must have taken some of the texts and refused others: one that does the same with all proves nothing. */
export function expectBothOf(fields: { path: string; accepts: (text: string) => boolean }[]): void {
  for (const { path, accepts } of fields) {
    expect(new Set(texts.map(accepts)), path).toEqual(new Set([true, false]));
  }
}
