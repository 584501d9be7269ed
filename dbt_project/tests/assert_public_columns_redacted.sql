-- No relation of the public schema has a column that names a key, an order, a raw payload or a
-- hash, and v_public_trades has exactly its published columns. A returned row names the column.
select
    columns.table_name,
    columns.column_name
from information_schema.columns as columns
where
    columns.table_schema = '{{ ref("v_public_trades").schema }}'
    and (
        columns.column_name ~ '(^|_)(id|key|hash|seq|sequence|payload|payloads|order|ticker|epoch)$'
        or columns.column_name ~ '^(order|intent|client|kalshi|raw|payload)_'
        or (
            columns.table_name = 'v_public_trades'
            and columns.column_name not in (
                'city', 'city_name', 'market_type', 'climate_date', 'bracket_label', 'side',
                'action', 'qty', 'price', 'fee', 'fill_time', 'mode', 'strategy_name', 'p_side',
                'edge', 'outcome', 'pnl'
            )
        )
    )
