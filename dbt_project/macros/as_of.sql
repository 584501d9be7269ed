{#- The one clock. In a recorded world its time, else now; a world can only delay more. A view asks
    it at each read; a table asks the run (run_as_of). -#}
{%- macro as_of() -%}
    {%- if var("as_of", none) -%}
        cast('{{ var("as_of") }}' as timestamptz)
    {%- else -%}
        least(
            current_timestamp,
            (select world.world_now from {{ ref("stg_ops__world_clock") }} as world)
        )
    {%- endif -%}
{%- endmacro -%}

{#- The latest instant of which the public may know a trade. -#}
{%- macro disclosed_until() -%}
    ({{ as_of() }} - {{ public_delay() }})
{%- endmacro -%}

{%- macro public_delay() -%}
    interval '{{ var("public_trade_delay_min") }} minutes'
{%- endmacro -%}
