-- +goose Up
alter table participants add column language text not null default '';
alter table participants add column several boolean not null default false;

-- version is the reading that the row shows, 0 before there is a second one; edited is the last one that a
-- person made, 0 for none; conflict is what was heard anew and does not go together with it.
alter table utterances add column version bigint not null default 0;
alter table utterances add column edited bigint not null default 0;
alter table utterances add column conflict text not null default '';

create table passes (
  meeting  text not null references meetings (id),
  number   bigint not null,
  language text not null,
  by       text not null,
  name     text not null,
  at       bigint not null,
  primary key (meeting, number)
);

create table readings (
  utterance  text not null references utterances (id),
  number     bigint not null,
  kind       text not null,
  pass       bigint not null,
  by         text not null,
  name       text not null,
  at         bigint not null,
  text       text not null,
  lang       text not null,
  words      text not null,
  confidence text not null,
  engine     text not null,
  model      text not null,
  primary key (utterance, number)
);

-- +goose Down
drop table readings;
drop table passes;
alter table utterances drop column conflict;
alter table utterances drop column edited;
alter table utterances drop column version;
alter table participants drop column several;
alter table participants drop column language;
