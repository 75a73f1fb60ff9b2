"""One test over many cases: it tries them all and reports every one that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVarTuple

import pytest

Case = TypeVarTuple("Case")


def check_each(cases: Iterable[tuple[*Case]], check: Callable[[*Case], object]) -> None:
    """Call `check` with each case; fail if there is no case, and name all cases for which it raised."""
    cases = list(cases)
    assert cases, "there is nothing to check"
    offenders = []
    for case in cases:
        try:
            check(*case)
        except (Exception, pytest.fail.Exception) as error:
            offenders.append(f"{' '.join(map(str, case))}: {type(error).__name__}: {error}")
    if offenders:
        pytest.fail(f"{len(offenders)} of {len(cases)}:\n" + "\n".join(offenders), pytrace=False)
