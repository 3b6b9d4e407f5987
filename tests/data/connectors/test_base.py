"""The protocol of a connector, and that a package of others adds one without touching ours."""

import sys

import pytest
from pydantic import ValidationError

from data import connectors
from data.connectors.base import Connector, ConnectorConfig, Point, Secret

THIRD_PARTY = """
from data.connectors.base import ConnectorConfig, InterfaceDoc, PointAddress, ProbeReport
from datetime import UTC, datetime


class Constant:
    kind = "constant"
    title = "常数"
    polls = True
    Config = ConnectorConfig
    PointAddr = PointAddress
    DOC = InterfaceDoc("a", "b", "c", "d", "e", "f")

    def __init__(self, cfg, points):
        self.points = points

    async def run(self, emit):
        pass

    async def probe(self):
        return ProbeReport(datetime.now(UTC), True)
"""


class WithSecret(ConnectorConfig):
    password: Secret


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of others, as pip would lay it down."""
    (tmp_path / "third_party_constant.py").write_text(THIRD_PARTY, encoding="utf-8")
    info = tmp_path / "third_party_constant-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: third-party-constant\nVersion: 1\n"
    )
    (info / "entry_points.txt").write_text(
        "[carbon.connectors]\nconstant = third_party_constant:Constant\n"
        "broken = third_party_constant:Absent\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("third_party_constant", None)


@pytest.mark.usefixtures("package")
def test_a_package_of_others_adds_a_kind_of_interface():
    assert {"constant", "broken"} <= set(connectors.names())
    found = connectors.connector("constant")
    assert found.kind == "constant"
    assert isinstance(found(ConnectorConfig(), ()), Connector)


@pytest.mark.usefixtures("package")
def test_a_package_that_cannot_be_loaded_is_named():
    with pytest.raises(connectors.UnknownConnector, match="broken"):
        connectors.connector("broken")


def test_an_unknown_kind_is_refused():
    with pytest.raises(connectors.UnknownConnector):
        connectors.connector("nothing_of_the_kind")


@pytest.mark.parametrize("kind", connectors.BUILT_IN)
def test_ours_keep_to_the_protocol(kind):
    found = connectors.connector(kind)
    assert found.kind == kind
    assert issubclass(found.Config, ConnectorConfig)
    assert all(vars(found.DOC).values())


def test_a_secret_is_written_as_where_it_is_kept(tmp_path, monkeypatch):
    (tmp_path / "pw").write_text("from a file\n")
    monkeypatch.setenv("PLANT_PASSWORD", "from the environment")
    kept = WithSecret(password=f"file:{tmp_path}/pw")
    assert kept.password.get_secret_value() == "from a file"
    assert "from a file" not in kept.model_dump_json()
    named = WithSecret(password="env:PLANT_PASSWORD")
    assert named.password.get_secret_value() == "from the environment"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert WithSecret(password="credential:pw").password.get_secret_value() == "from a file"
    for wrong in (
        "s3cret",
        "credential:../pw",
        "credential:absent",
        "env:NOT_SET_ANYWHERE",
        f"file:{tmp_path}/absent",
    ):
        with pytest.raises(ValidationError):
            WithSecret(password=wrong)


def test_a_point_knows_its_limits():
    point = Point(point_id="P1", address="0", valid_min="0", valid_max="500")
    assert point.in_range(point.valid_max)
    assert not point.in_range(point.valid_max + 1)
