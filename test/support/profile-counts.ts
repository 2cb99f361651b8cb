import { completionFields, completionOf } from '../../src/modules/profile/completion.ts';
import type { TestApp } from './app.ts';
import type { Person } from './person.ts';

export interface Stats {
  users: number;
  completeProfiles: number;
  completionHistogram: number[];
  missingFields: { field: string; users: number }[];
  signUps: { day: string; count: number }[];
  completions: { day: string; count: number }[];
}

const query = `{ profileStats(days: 365) {
  users completeProfiles completionHistogram
  missingFields { field users } signUps { day count } completions { day count }
} }`;

/** The statistics as the server keeps them; days without anything left out. */
export async function readStats(administrator: Person): Promise<Stats> {
  const { profileStats } = await administrator.query<{ profileStats: Stats }, object>(query);
  const withoutEmpty = (days: Stats['signUps']) => days.filter(({ count }) => count !== 0);
  return {
    ...profileStats,
    signUps: withoutEmpty(profileStats.signUps),
    completions: withoutEmpty(profileStats.completions),
  };
}

/** The same, counted anew from everybody who is there. */
export async function countFromScratch({ platform }: TestApp): Promise<Stats> {
  const users = await platform.db.prisma.user.findMany({
    select: {
      username: true,
      createdAt: true,
      profile: true,
      pictures: { where: { isActive: true }, select: { id: true } },
    },
  });
  const all = users.flatMap(({ username, createdAt, profile, pictures }) =>
    profile ? [{ createdAt, profile, ...completionOf({ ...profile, username, hasPicture: pictures.length > 0 }) }] : [],
  );
  const step = (percentage: number) => Math.floor(percentage / 10);
  return {
    users: all.length,
    completeProfiles: all.filter(({ profile }) => profile.completedAt).length,
    completionHistogram: Array.from({ length: 11 }, (_, at) => all.filter((one) => step(one.percentage) === at).length),
    missingFields: completionFields.map(({ name }) => ({
      field: name,
      users: all.filter(({ missingFields }) => missingFields.includes(name)).length,
    })),
    signUps: byDay(all.map(({ createdAt }) => createdAt)),
    completions: byDay(all.flatMap(({ profile }) => profile.completedAt ?? [])),
  };
}

function byDay(times: Date[]): Stats['signUps'] {
  const days = times.map((time) => time.toISOString().slice(0, 10));
  return [...new Set(days)].toSorted().map((day) => ({ day, count: days.filter((other) => other === day).length }));
}
