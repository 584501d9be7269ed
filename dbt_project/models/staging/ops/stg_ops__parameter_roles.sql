select
    parameter_role_id,
    sha256,
    role,
    set_by,
    note,
    recorded_at
from {{ source('ops', 'parameter_roles') }}
