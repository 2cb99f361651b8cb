import { InvalidInputError, NotFoundError } from '../../errors.ts';
import type * as enums from '../../generated/prisma/enums.ts';
import { builder } from '../../graphql/builder.ts';
import { pageArgs } from '../../graphql/connections.ts';
import { requireViewer } from '../../graphql/context.ts';
import { decodeGlobalId, encodeGlobalId } from '../../graphql/global-id.ts';
import { emptyConnection, type ListId, readPageArgs, toConnection, toKeysetValues } from '../../graphql/pages.ts';
import { sightIn } from '../../graphql/sight.ts';
import { loadEventPage, loadEvents, visibleTypes } from './loaders.ts';
import type { EventRecord } from './record.ts';
import { deleteEvent, deleteEvents, recordEvent, recordEvents } from './service.ts';

const EventType = builder.enumType('EventType', {
  description: 'What a user did with a movie. Who sees it: `Privacy.watchHistory` or `Privacy.ratings`.',
  values: {
    VIEW: { description: 'Saw it. Watch history.' },
    RATING: { description: 'Rated it. Ratings.' },
    WATCHLIST_ADD: { description: 'Put it on the watchlist. Watch history.' },
    WATCHLIST_REMOVE: { description: 'Took it off the watchlist. Watch history.' },
    REVIEW: { description: 'Wrote of it. Ratings.' },
  } satisfies Record<enums.EventType, object>,
});

builder.node('Event', {
  description: 'What a user did with a movie, or said of it. Who sees it, `Privacy` says for its type.',
  id: { resolve: ({ id }) => id, description: '`event_` and a UUID (version 7).' },
  loadManyWithoutCache: (ids, context) =>
    loadEvents({ ...context.platform, ...context, canSee: sightIn(context) }, ids),
  fields: (t) => ({
    type: t.expose('type', { type: EventType, description: 'What was done.' }),
    movieId: t.exposeInt('movieId', { description: 'Id of the outside catalogue.' }),
    rating: t.exposeFloat('rating', {
      nullable: true,
      description: 'RATING, and optionally REVIEW: 0.5 to 10 in steps of 0.5.',
    }),
    review: t.exposeString('review', { nullable: true, description: 'REVIEW: at most 10,000 characters.' }),
    occurredAt: t.field({
      type: 'DateTime',
      description: 'When it was done, to the millisecond.',
      resolve: ({ occurredAtMs }) => new Date(occurredAtMs),
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it was recorded here.',
      resolve: ({ createdAtMs }) => new Date(createdAtMs),
    }),
  }),
});

const EventConnection = builder.connectionObject(
  { type: 'Event', name: 'EventConnection', description: 'A page of events.' },
  { name: 'EventEdge', description: 'An event on a list.' },
);

const eventList = (ownerId: string, types: enums.EventType[] | null, movieId: number | null): ListId => ({
  name: ['events', ownerId, types?.toSorted().join() ?? 'ALL', movieId ?? 'any'].join(':'),
  ids: 'uuid',
});

builder.objectField('User', 'events', (t) =>
  t.field({
    type: EventConnection,
    description: 'Newest first, by `occurredAt`. Only those that the viewer may see.',
    args: {
      ...pageArgs,
      types: t.arg({ type: [EventType], description: 'Of these types alone; all of them if left out.' }),
      movieId: t.arg.int({ description: 'About this movie alone.' }),
    },
    resolve: async (owner, { types: given, movieId = null, ...args }, context) => {
      const asked = given ? [...new Set(given)] : null;
      const page = readPageArgs(args, eventList(owner.id, asked, movieId));
      const types = visibleTypes(owner, asked, sightIn(context));
      if (types.length === 0) return emptyConnection();
      const { isForward } = page;
      const keyset = toKeysetValues(page);
      const rows = await loadEventPage(context.platform.db, {
        userId: owner.id,
        types,
        movieId,
        isForward,
        keyset,
      });
      return toConnection(page, rows, {
        toPosition: ({ occurredAtMs, id }) => ({ at: new Date(occurredAtMs), id }),
        toNode: (event) => event,
      });
    },
  }),
);

const RecordEventInput = builder.inputType('RecordEventInput', {
  description: 'What a user did with a movie, or said of it.',
  fields: (t) => ({
    type: t.field({ type: EventType, required: true, description: 'What was done.' }),
    movieId: t.int({ required: true, description: 'Id of the outside catalogue, positive.' }),
    rating: t.float({ description: '0.5 to 10 in steps of 0.5. RATING needs it, REVIEW may have it, no other type.' }),
    review: t.string({ description: '1 to 10,000 characters. REVIEW needs it, no other type may have it.' }),
    occurredAt: t.field({ type: 'DateTime', description: 'Now if left out; at most 5 minutes ahead.' }),
    idempotencyKey: t.string({
      description:
        'Chosen by the client, 1 to 128 characters: the same key of the same user a second time returns the first event and records nothing, whatever else the input says. After the event is deleted the key records anew.',
    }),
  }),
});

builder.mutationField('recordEvent', (t) =>
  t.field({
    type: 'Event',
    authScopes: { signedIn: true },
    errors: { types: [InvalidInputError] },
    description: 'Records what the viewer did.',
    args: { input: t.arg({ type: RecordEventInput, required: true, description: 'What was done.' }) },
    resolve: (_, { input }, context) => recordEvent(context.platform, requireViewer(context).id, input),
  }),
);

const RecordedEvents = builder.objectRef<EventRecord[]>('RecordedEvents').implement({
  description: 'What a batch recorded.',
  fields: (t) => ({
    events: t.field({
      type: ['Event'],
      description: 'The event of each input, in their order; those whose key was known are the first of that key.',
      resolve: (events) => events,
    }),
  }),
});

builder.mutationField('recordEvents', (t) =>
  t.field({
    type: RecordedEvents,
    authScopes: { signedIn: true },
    errors: { types: [InvalidInputError] },
    description: 'Records up to 100 events of the viewer, all or none.',
    args: {
      inputs: t.arg({ type: [RecordEventInput], required: true, description: '1 to 100; paths such as `3.rating`.' }),
    },
    resolve: (_, { inputs }, context) => recordEvents(context.platform, requireViewer(context).id, inputs),
  }),
);

const DeletedEvent = builder.objectRef<{ id: string }>('DeletedEvent').implement({
  description: 'An event that is gone.',
  fields: (t) => ({ id: t.exposeID('id', { description: 'The id that it had.' }) }),
});

builder.mutationField('deleteEvent', (t) =>
  t.field({
    type: DeletedEvent,
    authScopes: { signedIn: true },
    errors: { types: [NotFoundError] },
    description: 'Deletes an event of the viewer for good.',
    args: { id: t.arg.id({ required: true, description: 'A malformed one is `BAD_USER_INPUT`.' }) },
    resolve: async (_, args, context) => {
      const { typename, id } = decodeGlobalId(args.id);
      if (typename !== 'Event') throw new NotFoundError('Expected the id of an event, and got another.');
      await deleteEvent(context.platform, requireViewer(context).id, id);
      return { id: encodeGlobalId('Event', id.toLowerCase()) };
    },
  }),
);

const DeletedEvents = builder.objectRef<{ count: number }>('DeletedEvents').implement({
  description: 'Events that are gone.',
  fields: (t) => ({ count: t.exposeInt('count', { description: 'How many there were.' }) }),
});

builder.mutationField('deleteEvents', (t) =>
  t.field({
    type: DeletedEvents,
    authScopes: { signedIn: true },
    errors: { types: [InvalidInputError] },
    description:
      'Deletes for good those events of the viewer that fit all that is given; at least one filter has to be.',
    args: {
      types: t.arg({ type: [EventType], description: 'Of these types alone.' }),
      movieId: t.arg.int({ description: 'About this movie alone.' }),
      before: t.arg({ type: 'DateTime', description: 'That occurred before this instant.' }),
    },
    resolve: async (_, filter, context) => ({
      count: await deleteEvents(context.platform, requireViewer(context).id, filter),
    }),
  }),
);
