-- +goose Up
create table changes (
  meeting text not null references meetings (id),
  item    text not null,
  number  bigint not null,
  kind    text not null,
  op      text not null,
  by      text not null,
  name    text not null,
  at      bigint not null,
  content text not null,
  primary key (meeting, item, number)
);

-- +goose Down
drop table changes;
