{#- One run, one instant: all tables of a run share the as_of that int_rollups__started wrote down,
    as a literal in their SQL, so that a plan can be made for it and the compiled text repeats. -#}
{%- macro run_as_of() -%}
    {{ fact_of_run("as_of") }}
{%- endmacro -%}

{#- The latest instant of which a run may disclose a trade. -#}
{%- macro run_disclosed_until() -%}
    ({{ run_as_of() }} - {{ public_delay() }})
{%- endmacro -%}

{#- What was learnt, or came of age, after this instant is not in the tables yet. A table that is
    built anew has nothing: the instant lies before all time. -#}
{%- macro changed_since() -%}
    {%- if is_incremental() -%}
        {{ fact_of_run("changed_since") }}
    {%- else -%}
        {%- do ref("int_rollups__started") -%}
        cast('-infinity' as timestamptz)
    {%- endif -%}
{%- endmacro -%}

{#- Asked once a model, which may need it ten times; dbt's own record of the model keeps it. -#}
{%- macro fact_of_run(column) -%}
    {%- set started = ref("int_rollups__started") -%}
    {%- if execute and model.run_facts is not defined -%}
        {%- do model.update(run_facts={}) -%}
        {%- if load_relation(started) -%}
            {%- for name in ("as_of", "changed_since") -%}
                {%- do model.run_facts.update(
                    {name: instant_from("select " ~ name ~ " from " ~ started)}
                ) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endif -%}
    {%- set known = model.run_facts if execute else {} -%}
    {{- known.get(column, "cast('-infinity' as timestamptz)") -}}
{%- endmacro -%}

{#- The one instant that a query returns, as a literal; before all time when it returns none. -#}
{%- macro instant_from(query) -%}
    {%- set asked = "select cast((" ~ query ~ ") as text)" -%}
    {%- set found = run_query(asked).rows[0][0] if execute else none -%}
    cast('{{ found or "-infinity" }}' as timestamptz)
{%- endmacro -%}

{#- The instant of the last run that finished, null before the first. Read by name and not by ref:
    int_rollups__finished stands at the other end of the graph. -#}
{%- macro last_finished_at() -%}
    {%- set named = this.incorporate(path={"identifier": "int_rollups__finished"}) if execute -%}
    {%- if execute and load_relation(named) -%}
        (select known.last_ok_at from {{ named }} as known)
    {%- else -%}
        cast(null as timestamptz)
    {%- endif -%}
{%- endmacro -%}

{#- The first instant at which money can look different than in the tables: of a fill or payout
    learnt or come of age since the last finished run, of capital learnt since, or of that run. -#}
{%- macro first_changed_instant() -%}
    {%- if is_incremental() -%}
        {{- instant_from(
            "select min(first.happened_at) from ("
            ~ "select " ~ changed_since() ~ " - " ~ public_delay() ~ " as happened_at"
            ~ " union all select steps.step_at from " ~ ref("int_trades__position_steps")
            ~ " as steps where steps.known_at > " ~ changed_since()
            ~ " union all select capital.occurred_at from " ~ ref("stg_ops__capital_events")
            ~ " as capital where capital.recorded_at > " ~ changed_since() ~ ") as first"
        ) -}}
    {%- else -%}
        {%- do ref("int_trades__position_steps") -%}
        {%- do ref("stg_ops__capital_events") -%}
        {{- changed_since() -}}
    {%- endif -%}
{%- endmacro -%}
