-- Forecast issues by source, parameter sets and their roles, what a cycle had learnt.
-- migrate:up
create table ops.forecast_issues (
    city_code text not null references ops.cities,
    source text not null,
    variable ops.market_type not null,
    climate_date date not null,
    block timestamptz not null,
    issued_at timestamptz not null,
    value_f double precision not null check (value_f between -80 and 140),
    recorded_at timestamptz not null,
    primary key (city_code, source, variable, climate_date, block)
);
comment on table ops.forecast_issues is
'The first forecast of a climate day that each source issued in each block of six hours (UTC), degrees '
'Fahrenheit: with climate_reports the pairs that parameters are learnt from. Small, so that reading them never '
'costs what reading all snapshots would.';
create index forecast_issues_date on ops.forecast_issues (climate_date);
create index forecast_issues_issued on ops.forecast_issues (issued_at);
select ops.append_only('ops.forecast_issues');

create table ops.parameter_sets (
    sha256 text primary key check (sha256 ~ '^[0-9a-f]{64}$'),
    name text not null,
    body jsonb not null,
    recorded_at timestamptz not null
);
comment on table ops.parameter_sets is
'Parameter sets by the hash of their content; the first eight characters end the version of a strategy.';
select ops.append_only('ops.parameter_sets');

create table ops.parameter_roles (
    parameter_role_id bigint generated always as identity primary key,
    sha256 text not null references ops.parameter_sets,
    role text not null check (role in ('CANDIDATE', 'CURRENT', 'WITHDRAWN')),
    set_by text not null,
    note text not null,
    recorded_at timestamptz not null
);
comment on table ops.parameter_roles is
'Who gave which set which role, newest last. The newest CURRENT is used; a set whose newest role is CANDIDATE '
'is computed beside it and trades nothing.';
select ops.append_only('ops.parameter_roles');

create table ops.knowledge (
    sha256 text primary key check (sha256 ~ '^[0-9a-f]{64}$'),
    body jsonb not null,
    recorded_at timestamptz not null
);
comment on table ops.knowledge is
'What cycles had learnt when they decided, by the hash of its content: parameter sets, how sources erred lately, '
'correlations. cycles.context names the hash.';
select ops.append_only('ops.knowledge');

grant select, insert on ops.forecast_issues, ops.parameter_sets, ops.parameter_roles, ops.knowledge
to milkbot_trader;
grant select on ops.forecast_issues, ops.parameter_sets, ops.parameter_roles, ops.knowledge
to milkbot_dbt, milkbot_backup;

-- migrate:down
drop table ops.knowledge, ops.parameter_roles, ops.parameter_sets, ops.forecast_issues;
