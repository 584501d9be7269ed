-- The schemas and who may enter them. Rights on tables are granted where the tables are made, one
-- by one: a new table is invisible until someone decides. The roles are made by the launcher or
-- installer, before this runs.

-- migrate:up
revoke all on schema public from public;

create schema ops;
comment on schema ops is 'Raw facts, written by the trader only: what was seen, decided, sent and booked';
grant usage on schema ops to milkbot_trader, milkbot_dbt, milkbot_backup;
-- The one exception to "granted one by one": a dump reads each partition and sequence by name,
-- and a table left out of the backup is found out on the day it is needed.
alter default privileges in schema ops grant select on tables to milkbot_backup;
alter default privileges in schema ops grant select on sequences to milkbot_backup;

create schema analytics authorization milkbot_dbt;
comment on schema analytics is 'The public marts, built by dbt; trade-derived figures are 60 minutes old';
grant usage on schema analytics to milkbot_dashboard;

create schema analytics_staging authorization milkbot_dbt;
comment on schema analytics_staging is 'dbt views that rename and cast the tables of ops, nothing else';

create schema analytics_intermediate authorization milkbot_dbt;
comment on schema analytics_intermediate is 'dbt steps between staging and marts, the disclosure delay among them';

create schema analytics_operator authorization milkbot_dbt;
comment on schema analytics_operator is 'Undelayed figures for the operator, closed to the public role';

-- migrate:down
-- What dbt built goes along: it can be rebuilt from ops at any time. The tables of ops are
-- dropped by their own files.
drop schema analytics_operator cascade;
drop schema analytics cascade;
drop schema analytics_intermediate cascade;
drop schema analytics_staging cascade;
drop schema ops;
grant usage on schema public to public;
