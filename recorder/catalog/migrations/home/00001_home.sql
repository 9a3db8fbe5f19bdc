-- +goose Up
create table places (
  meeting text primary key,
  region  text not null
);
create table spent_codes (
  code  text primary key,
  until bigint not null
);

-- +goose Down
drop table spent_codes;
drop table places;
