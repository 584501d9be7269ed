{% test outcome_and_pnl_come_together(model) %}
select
    outcome,
    pnl
from {{ model }}
where (outcome is null) <> (pnl is null)
{% endtest %}
