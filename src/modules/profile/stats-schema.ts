import { builder } from '../../graphql/builder.ts';
import { requireAdministrator } from '../../graphql/context.ts';
import { type DayCount, type FieldCount, maxDays, type ProfileStats, readProfileStats } from './stats-service.ts';

const FieldCountType = builder.objectRef<FieldCount>('FieldCount').implement({
  description: 'In how many users a completion field is empty.',
  fields: (t) => ({
    field: t.exposeString('field', { description: 'As in `ProfileCompletion.missingFields`.' }),
    users: t.exposeInt('users', { description: 'Those in whom it is empty.' }),
  }),
});

const DayCountType = builder.objectRef<DayCount>('DayCount').implement({
  description: 'How many there were on a day.',
  fields: (t) => ({
    day: t.exposeString('day', { description: 'YYYY-MM-DD, in UTC.' }),
    count: t.exposeInt('count', { description: '0 where there was none.' }),
  }),
});

const ProfileStatsType = builder.objectRef<ProfileStats>('ProfileStats').implement({
  description: 'How all users fill their profiles. Administrators alone see it.',
  fields: (t) => ({
    users: t.exposeInt('users', { description: 'All of them.' }),
    completeProfiles: t.exposeInt('completeProfiles', { description: 'Those who marked their profile as complete.' }),
    completionHistogram: t.exposeIntList('completionHistogram', {
      description: 'Users by completion in steps of ten: 0 to 9 %, ..., 90 to 99 %, 100 %.',
    }),
    missingFields: t.field({
      type: [FieldCountType],
      description: 'A row for each completion field, required ones first.',
      resolve: ({ missingFields }) => missingFields,
    }),
    signUps: t.field({
      type: [DayCountType],
      description: 'New users. One row a day, oldest first, today the last.',
      resolve: ({ signUps }) => signUps,
    }),
    completions: t.field({
      type: [DayCountType],
      description: 'Profiles that were marked as complete and still are. One row a day, oldest first, today the last.',
      resolve: ({ completions }) => completions,
    }),
  }),
});

/** Days that are told if nothing is said. */
const defaultDays = 30;

builder.queryField('profileStats', (t) =>
  t.field({
    type: ProfileStatsType,
    description: 'Administrators alone; for anyone else who is signed in it is `FORBIDDEN`.',
    args: { days: t.arg.int({ defaultValue: defaultDays, description: `1 to ${maxDays}, today included.` }) },
    resolve: (_, { days }, context) => {
      requireAdministrator(context);
      return readProfileStats(context.platform, days ?? defaultDays);
    },
  }),
);
