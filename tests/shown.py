"""Comparing what is shown with what the ledger holds."""

import re
from decimal import Decimal


def assert_words(shown, value):
    """Compare words with a value: one of the scales a reader may choose must give them."""
    found = re.search(r"[−\d][\d,.]*", re.sub(r"\bP\d0 ", "", shown))  # a quantile's name
    if value is None:
        assert "--" in shown
        return
    if not found:
        assert shown in ("", "--") or "依据" in shown or "Basis" in shown
        return
    number = Decimal(found[0].replace(",", "").replace("−", "-").rstrip("."))
    step = Decimal(1).scaleb(min(0, int(number.as_tuple().exponent)))
    assert any(abs(Decimal(repr(value)) * scale - number) <= step for scale in
               (Decimal(1), Decimal("0.001"), Decimal("0.0001")))  # fmt: skip
