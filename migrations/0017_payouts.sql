-- Payouts that are corrected, and payouts at a fair price.
-- migrate:up
alter table ops.settlements drop constraint settlements_pkey;
alter table ops.settlements add primary key (mode, ticker, recorded_at);
alter table ops.settlements
drop constraint settlements_result_check,
add constraint settlements_result_check check (result in ('yes', 'no', 'scalar')),
add column value_usd numeric check (value_usd between 0 and 1);
comment on table ops.settlements is
'What the exchange paid per market we held. A correction is a further row whose revenue_usd is the difference '
'to what was paid before, so the sum is what was paid.';
comment on column ops.settlements.value_usd is
'Dollars per YES contract of a market resolved at a fair price (scalar), null where the exchange does not say.';

-- migrate:down
alter table ops.settlements
drop column value_usd,
drop constraint settlements_result_check,
add constraint settlements_result_check check (result in ('yes', 'no'));
alter table ops.settlements drop constraint settlements_pkey;
alter table ops.settlements add primary key (mode, ticker);
comment on table ops.settlements is 'What the exchange paid per market we held.';
