-- +goose Up
create table meetings (
  id       text primary key,
  title    text not null,
  region   text not null,
  zone     text not null,
  record   boolean not null,
  creator  text not null,
  state    text not null,
  created  bigint not null,
  started  bigint not null,
  ended    bigint not null,
  reckoned bigint not null
);
create index meetings_state on meetings (state, started);
create index meetings_creator on meetings (creator);

create table participants (
  id       text primary key,
  meeting  text not null references meetings (id),
  identity text not null,
  number   bigint not null,
  name     text not null,
  title    text not null,
  aliases  text not null,
  role     text not null,
  consent  text not null,
  joined   bigint not null,
  "left"   bigint not null,
  unique (meeting, number)
);
create index participants_identity on participants (identity);

create table chat_messages (
  id          text primary key,
  meeting     text not null references meetings (id),
  participant text not null,
  at          bigint not null,
  text        text not null
);
create index chat_messages_meeting on chat_messages (meeting, at, id);

create table tracks (
  id          text primary key,
  meeting     text not null references meetings (id),
  participant text not null,
  source      text not null,
  codec       text not null,
  clock_rate  bigint not null,
  channels    bigint not null,
  started     bigint not null,
  ended       bigint not null
);
create index tracks_meeting on tracks (meeting, started, id);

create table segments (
  track   text not null references tracks (id),
  number  bigint not null,
  started bigint not null,
  ended   bigint not null,
  bytes   bigint not null,
  sha256  text not null,
  key     text not null,
  primary key (track, number)
);

create table gaps (
  track   text not null references tracks (id),
  started bigint not null,
  ended   bigint not null,
  reason  text not null,
  primary key (track, started, reason)
);

create table recordings (
  meeting  text primary key references meetings (id),
  manifest text not null,
  sha256   text not null
);

create table utterances (
  id          text primary key,
  meeting     text not null references meetings (id),
  track       text not null,
  participant text not null,
  started     bigint not null,
  ended       bigint not null,
  audio       text not null,
  sha256      text not null,
  state       text not null,
  attempts    bigint not null,
  next_try    bigint not null,
  text        text not null,
  lang        text not null,
  words       text not null,
  confidence  text not null,
  engine      text not null,
  model       text not null
);
create index utterances_meeting on utterances (meeting, started, id);
create index utterances_due on utterances (state, next_try);

create table minutes (
  meeting text primary key references meetings (id),
  made    bigint not null,
  final   boolean not null,
  content text not null
);

-- +goose Down
drop table minutes;
drop table utterances;
drop table recordings;
drop table gaps;
drop table segments;
drop table tracks;
drop table chat_messages;
drop table participants;
drop table meetings;
