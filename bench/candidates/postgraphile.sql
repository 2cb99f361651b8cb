-- What PostGraphile's documentation recommends where a table isn't enough: functions, in SQL so that PostgreSQL can inline
-- them, for what depends on the viewer, and for what is more than one write. The viewer comes as a setting.

drop schema if exists bench cascade;
create schema bench;

create function bench.me() returns users language sql stable as $$
  select * from users where id = current_setting('bench.viewer') and closed_at is null
$$;

create function bench.user_by_name(name text) returns users language sql stable as $$
  select * from users
  where username = name and closed_at is null
    and not exists (select from blocks where blocker_id = current_setting('bench.viewer') and blocked_id = users.id offset 0)
    and not exists (select from blocks where blocker_id = users.id and blocked_id = current_setting('bench.viewer') offset 0)
$$;

create function bench.users_name(person users) returns text language sql stable as $$
  select coalesce((select display_name from profiles where user_id = person.id), person.username, 'Someone')
$$;

create function bench.is_open(person users) returns boolean language sql stable as $$
  select person.id = current_setting('bench.viewer') or exists (
    select from privacy
    where user_id = person.id and (profile = 'PUBLIC' or (profile = 'FOLLOWERS'
      and exists (select from follows where follower_id = current_setting('bench.viewer') and followee_id = person.id offset 0))))
$$;

create function bench.users_seen_profile(person users) returns profiles language sql stable as $$
  select * from profiles where user_id = person.id and bench.is_open(person)
$$;

create function bench.users_seen_followers(person users) returns setof follows language sql stable as $$
  select follows.* from follows
  where followee_id = person.id and bench.is_open(person)
    and (select 1 from blocks where blocker_id = current_setting('bench.viewer') and blocked_id = follower_id) is null
    and (select 1 from blocks where blocker_id = follower_id and blocked_id = current_setting('bench.viewer')) is null
  order by created_at desc, follower_id desc
$$;

create function bench.users_seen_follower_count(person users) returns int language sql stable as $$
  select case when bench.is_open(person) then person.follower_count end
$$;

create function bench.users_seen_following_count(person users) returns int language sql stable as $$
  select case when bench.is_open(person) then person.following_count end
$$;

create function bench.users_picture(person users) returns pictures language sql stable as $$
  select * from pictures where user_id = person.id and is_active
$$;

create function bench.pictures_url(picture pictures, size int) returns text language sql stable as $$
  select 'https://profiles.example.com/pictures/' || substr(coalesce(
    jsonb_path_query_first(picture.variants, '$[*] ? (@.size >= $size)', jsonb_build_object('size', size)),
    picture.variants -> -1) ->> 'key', 8)
$$;

create function bench.users_viewer_follow(person users) returns text language sql stable as $$
  select case
    when exists (select from follows where follower_id = current_setting('bench.viewer') and followee_id = person.id offset 0)
      then 'FOLLOWING'
    when exists (select from follow_requests
      where requester_id = current_setting('bench.viewer') and requestee_id = person.id offset 0) then 'REQUESTED'
    else 'NONE'
  end
$$;

create function bench.record_event(type event_type, movie_id int, rating float8, review text) returns events
language sql volatile as $$
  insert into events (id, user_id, type, movie_id, rating, review, occurred_at)
  values (uuidv7(), current_setting('bench.viewer'), type, movie_id, rating, review, date_trunc('milliseconds', now()))
  returning *
$$;

create type bench.follow_state as (state text, since timestamptz);

create function bench.follow_user(user_id text) returns bench.follow_state language plpgsql volatile as $$
declare
  viewer text = current_setting('bench.viewer');
  is_public boolean;
  answer bench.follow_state;
begin
  select privacy.profile = 'PUBLIC' into is_public
  from users join privacy on privacy.user_id = users.id
  where users.id = follow_user.user_id and users.id <> viewer and users.closed_at is null
    and not exists (select from blocks where blocker_id = viewer and blocked_id = users.id)
    and not exists (select from blocks where blocker_id = users.id and blocked_id = viewer);
  if is_public is null then
    return null;
  end if;
  select 'FOLLOWING', created_at into answer from follows where follower_id = viewer and followee_id = follow_user.user_id;
  if found then
    return answer;
  end if;
  if is_public then
    insert into follows (follower_id, followee_id) values (viewer, follow_user.user_id)
    returning 'FOLLOWING', created_at into answer;
  else
    insert into follow_requests (requester_id, requestee_id) values (viewer, follow_user.user_id)
    on conflict (requester_id, requestee_id) do update set created_at = follow_requests.created_at
    returning 'REQUESTED', created_at into answer;
  end if;
  return answer;
end
$$;

create function bench.unfollow_user(user_id text) returns bench.follow_state language plpgsql volatile as $$
declare
  viewer text = current_setting('bench.viewer');
begin
  delete from follows where follower_id = viewer and followee_id = unfollow_user.user_id;
  if not found then
    delete from follow_requests where requester_id = viewer and requestee_id = unfollow_user.user_id;
  end if;
  return row('NONE', null)::bench.follow_state;
end
$$;
