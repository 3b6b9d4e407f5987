"""Every setting: its default, its limits, its line in the manual."""

from __future__ import annotations

from pathlib import Path

import pytest

from settings import PREFIX, Settings, SettingsError, load

MANUAL = Path(__file__).parent.parent / "docs" / "manual" / "README.md"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_its_line_in_the_manual(name):
    lines = MANUAL.read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.startswith(f"| {PREFIX}{name.upper()} |")]) == 1


def test_keys_lie_beside_the_data_unless_somebody_says_otherwise(tmp_path, monkeypatch):
    monkeypatch.setenv("CARBON_HOME", str(tmp_path / "data"))
    assert load().keys == tmp_path / "data.keys"
    monkeypatch.setenv("CARBON_KEYS", str(tmp_path / "elsewhere"))
    assert load().keys == tmp_path / "elsewhere"


@pytest.mark.parametrize("inside", ["data", "data/keys", "data/../data/keys", "link/keys"])
def test_keys_among_the_data_are_refused_in_production(tmp_path, monkeypatch, inside):
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    monkeypatch.setenv("CARBON_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("CARBON_KEYS", str(tmp_path / inside))
    for language, word in (("zh", "数据目录"), ("en", "must not lie in the data directory")):
        monkeypatch.setenv("CARBON_LANGUAGE", language)
        with pytest.raises(SettingsError, match=word) as refused:
            load()
        assert "CARBON_KEYS" in str(refused.value)
    monkeypatch.setenv("CARBON_ENV", "development")
    assert load().keys.is_relative_to(tmp_path / "data")


def test_a_home_without_a_name_has_no_place_beside_it(monkeypatch):
    monkeypatch.setenv("CARBON_HOME", "/")
    with pytest.raises(SettingsError, match="CARBON_KEYS"):
        load()


@pytest.mark.parametrize("name", ["file", "passphrase", "sdf", "pkcs11-card"])
def test_providers_have_plain_names(monkeypatch, name):
    monkeypatch.setenv("CARBON_KEY_PROVIDER", name)
    assert load().key_provider == name


@pytest.mark.parametrize("name", ["", "../x", "File", "a b"])
def test_other_names_are_refused(monkeypatch, name):
    monkeypatch.setenv("CARBON_KEY_PROVIDER", name)
    with pytest.raises(SettingsError, match="CARBON_KEY_PROVIDER"):
        load()
