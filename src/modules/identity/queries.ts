import type { Statement } from '../../platform/database.ts';

/** Records $1 delivery of $2 type, of $3 user, with $4 outcome; no row where it is recorded. By primary key. */
export const recordDelivery: Statement = {
  name: 'record_delivery',
  text: `
insert into webhook_deliveries (id, type, user_id, outcome) values ($1, $2, $3, $4::delivery_outcome)
on conflict do nothing
returning id`,
};

/** What became of $1 delivery after all: of $2 user, with $3 outcome. By primary key. */
export const correctDelivery: Statement = {
  name: 'correct_delivery',
  text: 'update webhook_deliveries set user_id = $2, outcome = $3::delivery_outcome where id = $1',
};

/**
 * Creates $1 user with $2 email, $3 first and $4 last name and $5 picture of Clerk's state of $6; $7 and $8 are the number
 * and the actor of the entry in the audit log.
 */
export const insertUser: Statement = {
  name: 'insert_user',
  text: `
with created as (
  insert into users (id, email, first_name, last_name, clerk_image_url, clerk_updated_at)
  values ($1, $2, $3, $4, $5, $6::timestamptz)
  returning id
)
insert into audit_entries (id, user_id, action, actor, changed_fields)
select $7::uuid, id, 'user.created', $8::audit_actor, '{}' from created`,
};

/** Clerk's part of $1 user, who is locked from then on. By primary key. */
export const lockKnownUser: Statement = {
  name: 'lock_known_user',
  text: `
select username, email, first_name as "firstName", last_name as "lastName", clerk_image_url as "clerkImageUrl",
  clerk_username as "clerkUsername", clerk_username_updated_at as "clerkUsernameUpdatedAt",
  clerk_updated_at as "clerkUpdatedAt", clerk_mirrored_image_url as "clerkMirroredImageUrl",
  exists (select from clerk_outbox where user_id = $1 and kind = 'PICTURE') as "isMirroringPicture",
  closed_at is not null as "isClosed"
from users where id = $1
for no key update`,
};

/**
 * Gives $1 user $2 email, $3 first and $4 last name and $5 picture of Clerk's state of $6, and notes the fields that changed,
 * $9, in the audit log, if any did; $7 and $8 are the number and the actor of that entry. An uploaded picture hides Clerk's:
 * without one, anyone sees that it changed. By primary key, and by the index of active pictures.
 */
export const changeFacts: Statement = {
  name: 'change_clerk_facts',
  text: `
with changed as (
  update users set email = $2, first_name = $3, last_name = $4, clerk_image_url = $5, clerk_updated_at = $6::timestamptz,
    updated_at = case
      when 'imageUrl' = any($9::text[]) and not exists (select from pictures where user_id = $1 and is_active) then now()
      else updated_at end
  where id = $1
  returning id
)
insert into audit_entries (id, user_id, action, actor, changed_fields)
select $7::uuid, id, 'user.changed', $8::audit_actor, $9::text[] from changed where $9::text[] <> '{}'`,
};

/** The last username that Clerk told of $1 user is $2, in its state of $3. By primary key. */
export const noteToldUsername: Statement = {
  name: 'note_told_username',
  text: 'update users set clerk_username = $2, clerk_username_updated_at = $3::timestamptz where id = $1',
};
