import * as enums from '../generated/prisma/enums.ts';
import { builder } from './builder.ts';

export const ExperienceLevel = builder.enumType('ExperienceLevel', {
  description: 'How far along in working life someone is.',
  values: Object.values(enums.ExperienceLevel),
});
export const EducationLevel = builder.enumType('EducationLevel', {
  description: 'The highest education that someone finished.',
  values: Object.values(enums.EducationLevel),
});
export const WorkArrangement = builder.enumType('WorkArrangement', {
  description: 'Where someone likes to work.',
  values: Object.values(enums.WorkArrangement),
});
export const Theme = builder.enumType('Theme', {
  description: 'How an app should look; SYSTEM follows the device.',
  values: Object.values(enums.Theme),
});
export const Visibility = builder.enumType('Visibility', {
  description: 'Who sees a part of a user: anyone, accepted followers, or the owner alone.',
  values: Object.values(enums.Visibility),
});
export const FollowState = builder.enumType('FollowState', {
  description: 'How the viewer stands to what can be followed.',
  values: ['NONE', 'REQUESTED', 'FOLLOWING'] as const,
});
