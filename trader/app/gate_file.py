"""The gates for going live, as written down before the evidence."""

import hashlib
from pathlib import Path

from pydantic import ValidationError

from trader.domain.errors import ConfigurationError
from trader.domain.golive import GateFile

FILE = Path(__file__).resolve().parents[1] / "go_live_gates.json"


def read_gates(path: Path = FILE) -> tuple[GateFile, str]:
    """Return the gates and the sha256 of the file's bytes. Raises ConfigurationError for a spoilt file."""
    raw = path.read_bytes()
    try:
        return GateFile.model_validate_json(raw), hashlib.sha256(raw).hexdigest()
    except ValidationError as error:
        raise ConfigurationError(
            f"{path.name}: expected gates as in the project, found {error.error_count()} faults, first "
            f"{error.errors()[0]['loc']}; nothing was judged"
        ) from error
