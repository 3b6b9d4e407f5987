"""The specification against the service: whatever fits it is answered as it says (F24)."""

from __future__ import annotations

from datetime import datetime

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.config import SchemathesisConfig

from security.api_gate import Lockout
from tests.api.conftest import bearer, fresh

SEED = 615
OPERATIONS = 14


@pytest.fixture(scope="module")
def schema(api):
    return schemathesis.openapi.from_wsgi(
        "/api/v1/openapi.json", api.house.server, config=SchemathesisConfig()
    )


def operations(schema):
    return [one.ok() for one in schema.get_all_operations()]


def test_every_check_holds_for_whatever_is_generated(api, token, schema, full):
    found = operations(schema)
    assert len(found) == OPERATIONS
    tried = 0
    for operation in found:

        @seed(SEED)
        @settings(max_examples=200 if full else 12, deadline=None, database=None,
                  suppress_health_check=list(HealthCheck),
                  phases=[Phase.explicit, Phase.generate])  # fmt: skip
        def ask(case):
            nonlocal tried
            tried += 1
            if case.meta.generation.mode is schemathesis.GenerationMode.POSITIVE:
                corrected(case)
            elif unsaid(case):
                return
            api.gate.lockout = Lockout()  # the checks themselves try wrong keys
            case.call_and_validate(headers=bearer(token))

        for mode in schemathesis.GenerationMode:
            if mode is schemathesis.GenerationMode.NEGATIVE and not parts(operation):
                continue  # nothing of it can be wrong
            strategy = operation.as_strategy(generation_mode=mode)
            given(case=strategy)(ask)()
    print(f"schemathesis: {tried} requests, seed {SEED}")


def unsaid(case):
    """Whether what is wrong with a request cannot be seen in its address: empty lists vanish."""
    return isinstance(case.query, dict) and any(v in ([], {}) for v in case.query.values())


def parts(operation):
    return [*operation.iter_parameters(), *operation.body]


def corrected(case):
    """Put right what no schema can say: digests are of the body, cursors of a page, days exist."""
    case.headers = dict(case.headers or {})
    for name in ("X-Signature", "X-Content-SM3"):  # of the bytes that will be sent: test_push.py
        case.headers.pop(name, None)
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = fresh()
    if isinstance(case.query, dict):
        for name in ("cursor", "from", "to", "as_of"):
            if not real(case.query.get(name, "")):
                case.query.pop(name)
    if isinstance(case.body, dict) and not real(case.body.get("sent_at", "")):
        case.body.pop("sent_at")


def real(words):
    """Whether words that look like a time are one; what does not look so is left as it is."""
    if not isinstance(words, str) or not words[:1].isdigit():
        return not isinstance(words, str) or words == ""
    try:
        datetime.fromisoformat(words if len(words) > 7 else words + "-01")
    except ValueError:
        return False
    return True
