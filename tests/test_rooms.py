"""Who may import whom (ARCHITECTURE: imports between rooms), read from the syntax trees."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = {
    "accounting": {"accounting"},
    "data": {"data", "accounting", "settings", "translations"},
    "translations": {"translations"},
    "figures": {"figures", "accounting", "translations"},
    "pages": {"pages", "figures", "translations"},
    "callbacks": {
        "callbacks",
        "pages",
        "figures",
        "data",
        "accounting",
        "jobs",
        "reports",
        "security",
        "settings",
        "translations",
    },
    "security": {"security", "data", "settings", "translations"},
    "reports": {"reports", "data", "accounting", "figures", "security", "settings", "translations"},
    "api": {"api", "data", "accounting", "security", "settings", "translations"},
    "jobs": {"jobs", "security", "data", "accounting", "settings", "translations"},
}
OURS = {"accounting", "data", "translations", "settings", "app", "manage", "commands", "client",
        "server", "tests", "figures", "pages", "callbacks", "security", "console",
        "ledger_commands", "audit_commands", "interface_commands", "jobs", "reports", "api",
        "api_commands"}  # fmt: skip
ONLY_IN = {
    "duckdb": {"data/store.py"},
    "sqlalchemy": {"data/state/", "data/migrations", "data/connectors/sql_view.py"},
    "flask": {"app.py", "server.py", "api/", "callbacks/", "security/"},
    "apiflask": {"api/"},
    "dash": {"app.py", "callbacks/", "pages/"},
    "flask_login": {"app.py", "security/login.py"},
    "gmssl": {"security/sm.py", "security/verify_audit.py"},
    "gmssl_pyx": {"security/sm.py"},
    "cryptography": {"security/sm.py"},
    "Cryptodome": set(),
    "apscheduler": {"jobs/"},
    "pymodbus": {"data/connectors/modbus.py"},
    "serial": {"data/connectors/dlt645_line.py"},
    "paho": {"data/connectors/mqtt.py", "data/connectors/mqtt_link.py"},
    "pg8000": set(),
    "pymysql": set(),
    "segno": {"security/audit_report.py", "security/factor.py"},
    "pyotp": {"security/factor.py"},
    "typst": {"reports/paper_pdf.py"},
    "docx": {"reports/paper_docx.py"},
    "statsmodels": {"accounting/forecast/models.py"},
}
PURE = {"numpy", "pandas"}
LEAVES = {"app", "manage"}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def files():
    return [
        path
        for path in ROOT.rglob("*.py")
        if path.relative_to(ROOT).parts[0] not in {".venv", "var", "tests"}
    ]


def violations(path, names):
    relative = path.relative_to(ROOT)
    room = relative.parts[0]
    for name in names:
        top = name.split(".")[0]
        if top in OURS and room in ROOMS and top not in ROOMS[room]:
            yield f"{relative} imports {name}"
        if top in ONLY_IN and not any(str(relative).startswith(p) for p in ONLY_IN[top]):
            yield f"{relative} imports {name}"
        if room == "accounting" and top in {"duckdb", "sqlalchemy", "flask", "orjson"}:
            yield f"{relative} imports {name}"
        allowed = {("app", "manage.py"), ("app", "server.py")}
        if top in LEAVES and (top, relative.name) not in allowed:
            yield f"{relative} imports {name}"


def test_rooms_keep_to_their_imports():
    assert [v for path in files() for v in violations(path, imported(path))] == []


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("accounting/x.py", "data.store"),
        ("data/x.py", "duckdb"),
        ("data/x.py", "sqlalchemy.orm"),
        ("data/connectors/sql_rows.py", "sqlalchemy"),
        ("data/connectors/x.py", "paho.mqtt.client"),
        ("accounting/x.py", "flask"),
        ("data/x.py", "manage"),
        ("figures/x.py", "data.store"),
        ("figures/x.py", "dash"),
        ("pages/x.py", "data.queries"),
        ("pages/x.py", "callbacks._bind"),
        ("data/x.py", "flask"),
        ("security/keys.py", "gmssl.sm2"),
        ("security/notary.py", "gmssl.sm2"),
        ("security/keys.py", "apscheduler.events"),
        ("jobs/x.py", "callbacks._bind"),
        ("reports/x.py", "pages._panel"),
        ("security/sealed.py", "gmssl_pyx"),
        ("data/x.py", "cryptography.hazmat"),
        ("accounting/forecast/backtest.py", "statsmodels.tsa.api"),
        ("api/x.py", "callbacks._bind"),
        ("api/x.py", "dash"),
        ("data/x.py", "apiflask"),
        ("security/x.py", "api.app"),
    ],
)
def test_a_planted_import_is_found(path, name):
    assert list(violations(ROOT / path, [name]))
