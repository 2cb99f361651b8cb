import { InvalidInputError, ProfileIncompleteError, UsernameTakenError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { type Context, reloadViewer, requireViewer } from '../../graphql/context.ts';
import { EducationLevel, ExperienceLevel, WorkArrangement } from '../../graphql/enums.ts';
import { canSee } from '../../graphql/sight.ts';
import type { UserRecord } from '../user/record.ts';
import { completionOf } from './completion.ts';
import { markProfileComplete, skipProfileSetup, upsertProfile } from './service.ts';

const toProfile = (owner: UserRecord | null, context: Context) =>
  owner && canSee(context, owner, 'profile') ? { owner } : null;

builder.objectField('User', 'profile', (t) =>
  t.field({
    type: 'Profile',
    nullable: true,
    description: 'Null where the viewer may not see it.',
    resolve: (owner, _, context) => toProfile(owner, context),
  }),
);

builder.node('Profile', {
  description: 'What a user says of themselves. Who sees it, `Privacy.profile` says.',
  id: { resolve: ({ owner }) => owner.id, description: "`profile_` and the user's id." },
  loadManyWithoutCache: (ids, context) =>
    Promise.all(ids.map(async (id) => toProfile(await context.users.load(id), context))),
  fields: (t) => ({
    user: t.field({ type: 'User', description: 'Whose profile it is.', resolve: ({ owner }) => owner }),
    displayName: t.string({
      nullable: true,
      description: "The profile's own, 1 to 64 characters. `User.displayName` is never empty.",
      resolve: ({ owner }) => owner.profile.displayName,
    }),
    bio: t.string({
      nullable: true,
      description: 'At most 500 characters.',
      resolve: ({ owner }) => owner.profile.bio,
    }),
    yearsOfExperience: t.int({ description: '0 to 80.', resolve: ({ owner }) => owner.profile.yearsOfExperience }),
    experienceLevel: t.field({
      type: ExperienceLevel,
      description: 'ENTRY until it is chosen.',
      resolve: ({ owner }) => owner.profile.experienceLevel,
    }),
    educationLevel: t.field({
      type: EducationLevel,
      description: 'BACHELORS until it is chosen.',
      resolve: ({ owner }) => owner.profile.educationLevel,
    }),
    fieldOfStudy: t.string({
      nullable: true,
      description: 'At most 60 characters.',
      resolve: ({ owner }) => owner.profile.fieldOfStudy,
    }),
    skills: t.stringList({
      description: 'At most 50, in the order given.',
      resolve: ({ owner }) => owner.profile.skills,
    }),
    workArrangement: t.field({
      type: WorkArrangement,
      description: 'ANY until it is chosen.',
      resolve: ({ owner }) => owner.profile.workArrangement,
    }),
    preferredLocations: t.stringList({
      description: 'At most 20, in the order given.',
      resolve: ({ owner }) => owner.profile.preferredLocations,
    }),
    salary: t.field({
      type: SalaryRange,
      nullable: true,
      description: 'The owner alone sees it.',
      resolve: ({ owner }, _, context) =>
        canSee(context, owner, 'secret') && owner.profile.salaryCurrency !== null ? owner : null,
    }),
    isComplete: t.boolean({
      description: 'Whether its owner marked it as complete, and no required field became empty since.',
      resolve: ({ owner }) => owner.profile.completedAt !== null,
    }),
    completion: t.field({
      type: ProfileCompletion,
      nullable: true,
      description: 'The owner and administrators alone.',
      resolve: ({ owner }, _, context) => (canSee(context, owner, 'own') ? owner : null),
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'With its user.',
      resolve: ({ owner }) => owner.profile.createdAt,
    }),
    updatedAt: t.field({
      type: 'DateTime',
      description: 'The last change.',
      resolve: ({ owner }) => owner.profile.updatedAt,
    }),
  }),
});

const SalaryRange = builder.objectRef<UserRecord>('SalaryRange').implement({
  description: 'The owner alone sees it.',
  fields: (t) => ({
    min: t.int({
      nullable: true,
      description: 'In whole units of the currency.',
      resolve: ({ profile }) => profile.salaryMin,
    }),
    max: t.int({
      nullable: true,
      description: 'In whole units of the currency.',
      resolve: ({ profile }) => profile.salaryMax,
    }),
    currency: t.string({ description: 'ISO 4217', resolve: ({ profile }) => profile.salaryCurrency ?? 'USD' }),
  }),
});

const readCompletion = ({ username, profile, picture }: UserRecord) =>
  completionOf({ ...profile, username, hasPicture: picture !== null });

const ProfileCompletion = builder.objectRef<UserRecord>('ProfileCompletion').implement({
  description: 'How far a profile is filled. The owner and administrators alone see it.',
  fields: (t) => ({
    percentage: t.int({ description: '0 to 100', resolve: (owner) => readCompletion(owner).percentage }),
    missingFields: t.stringList({
      description:
        'The completion fields that are still empty, by their names in Profile (and username, picture), required ones first.',
      resolve: (owner) => readCompletion(owner).missingFields,
    }),
    isComplete: t.boolean({
      description: 'Set by markProfileComplete, and unset when a required field becomes empty again.',
      resolve: ({ profile }) => profile.completedAt !== null,
    }),
    completedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the profile was marked as complete.',
      resolve: ({ profile }) => profile.completedAt,
    }),
    setupSkippedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Set by skipProfileSetup: a client need not send this user to profile setup again.',
      resolve: ({ profile }) => profile.setupSkippedAt,
    }),
  }),
});

const SalaryRangeInput = builder.inputType('SalaryRangeInput', {
  description: 'Replaces the salary as a whole.',
  fields: (t) => ({
    min: t.int({ description: 'In whole units of the currency, 0 or more.' }),
    max: t.int({ description: 'In whole units of the currency, `min` or more.' }),
    currency: t.string({ defaultValue: 'USD', description: 'ISO 4217' }),
  }),
});

const UpsertProfileInput = builder.inputType('UpsertProfileInput', {
  description: "What is left out stays; null empties a field, or sets its default where it can't be empty.",
  fields: (t) => ({
    username: t.string({
      description: '3 to 30 of a–z, 0–9, `_` and `.`, a letter first; in any case. At most 5 changes in 24 hours.',
    }),
    displayName: t.string({ description: '1 to 64 characters.' }),
    bio: t.string({ description: 'At most 500 characters.' }),
    yearsOfExperience: t.int({ description: '0 to 80; null: 0.' }),
    experienceLevel: t.field({ type: ExperienceLevel, description: 'Null: ENTRY.' }),
    educationLevel: t.field({ type: EducationLevel, description: 'Null: BACHELORS.' }),
    fieldOfStudy: t.string({ description: 'At most 60 characters.' }),
    skills: t.stringList({ description: 'At most 50 of 1 to 60 characters; replaced as a whole.' }),
    workArrangement: t.field({ type: WorkArrangement, description: 'Null: ANY.' }),
    preferredLocations: t.stringList({ description: 'At most 20 of 1 to 60 characters; replaced as a whole.' }),
    salary: t.field({ type: SalaryRangeInput, description: 'Replaced as a whole.' }),
  }),
});

builder.mutationField('upsertProfile', (t) =>
  t.field({
    type: 'Profile',
    authScopes: { signedIn: true },
    errors: { types: [InvalidInputError, UsernameTakenError] },
    description:
      "Creates or changes the viewer's profile; what is left out stays; null empties a field, or sets its default where it can't be empty.",
    args: { input: t.arg({ type: UpsertProfileInput, required: true, description: 'What to change.' }) },
    resolve: async (_, { input }, context) => {
      await upsertProfile(context.platform, requireViewer(context).id, input);
      return { owner: await reloadViewer(context) };
    },
  }),
);

builder.mutationFields((t) => ({
  markProfileComplete: t.field({
    type: 'Profile',
    authScopes: { signedIn: true },
    errors: { types: [ProfileIncompleteError] },
    description:
      'Marks the profile of the viewer as complete, once every required field is filled. Idempotent: the first time counts.',
    resolve: async (_, __, context) => {
      await markProfileComplete(context.platform, requireViewer(context).id);
      return { owner: await reloadViewer(context) };
    },
  }),
  skipProfileSetup: t.field({
    type: 'Profile',
    authScopes: { signedIn: true },
    description: 'Notes that the viewer need not be sent to profile setup again. Idempotent: the first time counts.',
    resolve: async (_, __, context) => {
      await skipProfileSetup(context.platform, requireViewer(context).id);
      return { owner: await reloadViewer(context) };
    },
  }),
}));
