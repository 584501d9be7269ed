"""Change 60 minutes to 59, one place at a time, and see a test fail: ``make mutate-embargo``.

The test's own check runs in this process, on a copy of the files it reads.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from tests.architecture.test_delay import PLACES, ROOT, check, stated


def main() -> int:
    """Exit 0 when the test failed for every change, and passed without one."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for path in {p for place in PLACES for p in ROOT.glob(place)}:
            (copy / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy / path.relative_to(ROOT))
        if not _passes(copy):
            sys.exit("Mutations: expected the test to pass without a change, found a failure; none was tried")
        places = list(stated(copy))
        survived = []
        for path, match in places:
            text = path.read_text()
            path.write_text(text[: match.start()] + match[0].replace("60", "59") + text[match.end() :])
            if _passes(copy):
                survived.append(f"{path.relative_to(copy)}: {match[0]}")
            path.write_text(text)
    sys.stdout.write(f"60 -> 59: {len(places) - len(survived)} of {len(places)} changes make a test fail\n")
    sys.stdout.writelines(f"survived: {one}\n" for one in survived)
    return int(bool(survived))


def _passes(folder: Path) -> bool:
    try:
        check(folder)
    except AssertionError:
        return False
    return True


if __name__ == "__main__":
    raise SystemExit(main())
