{#- A refresh writes two dozen tables every five minutes, and dbt's own materialization asks the
    catalog for the columns of each four times. This asks once what must be known: that the new rows
    have the table's columns and types. Whatever makes a table anew is dbt's own. -#}
{%- materialization incremental, adapter="postgres" -%}
    {%- if not is_incremental() -%}
        {{- return(dbt.materialization_incremental_default()) -}}
    {%- endif -%}
    {%- set staged = make_temp_relation(this) -%}
    {%- call statement("staged") -%}
        create temporary table {{ staged }} on commit drop as (
            {{ sql }}
        )
    {%- endcall -%}
    {%- set columns = run_query(
        "select quote_ident(attname), count(*) from pg_attribute"
        ~ " where attrelid in ('" ~ this ~ "'::regclass, '" ~ staged ~ "'::regclass)"
        ~ " and attnum > 0 and not attisdropped"
        ~ " group by attname, atttypid, atttypmod order by min(attnum)"
    ).rows -%}
    {%- for name, count in columns if count != 2 -%}
        {%- do exceptions.raise_compiler_error(
            "expected the columns of " ~ this ~ ", found another " ~ name
            ~ "; the table is as it was. Build it anew: milkbot rollup --selector deploy --full"
        ) -%}
    {%- endfor -%}
    {%- set names = columns | map(attribute=0) | join(", ") -%}
    {%- set keys = config.get("unique_key") -%}
    {%- set key = keys if keys is string else keys | join(", ") -%}
    {%- call statement("main") -%}
        delete from {{ this }} where ({{ key }}) in (select distinct {{ key }} from {{ staged }});
        insert into {{ this }} ({{ names }}) select {{ names }} from {{ staged }}
    {%- endcall -%}
    {%- do adapter.commit() -%}
    {{- return({"relations": [this]}) -}}
{%- endmaterialization -%}
