-- A break of kind writer: an order with our mark that this database never made.
-- migrate:up
alter table ops.reconciliation_breaks
drop constraint reconciliation_breaks_kind_check,
add constraint reconciliation_breaks_kind_check check (
    kind in ('cash', 'position', 'order', 'fill', 'settlement', 'writer')
);

-- Refused while such a row exists: it is evidence, and nothing deletes it.
-- migrate:down
alter table ops.reconciliation_breaks
drop constraint reconciliation_breaks_kind_check,
add constraint reconciliation_breaks_kind_check check (
    kind in ('cash', 'position', 'order', 'fill', 'settlement')
);
