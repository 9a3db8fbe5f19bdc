-- +goose Up
-- What the passes over ended meetings have still to hear; due is when its job counts as lost.
create table rehearings (
  meeting   text not null references meetings (id) on delete cascade,
  pass      bigint not null,
  utterance text not null references utterances (id) on delete cascade,
  due       bigint not null,
  primary key (utterance, pass)
);
create index rehearings_due on rehearings (due);

-- +goose Down
drop table rehearings;
