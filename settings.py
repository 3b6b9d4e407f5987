"""Every setting once: name, default, limits and its line in the manual."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from translations import text

PREFIX = "CARBON_"
PRICE_COLUMNS = ("date", "instrument", "volume_t", "turnover_cny", "close_cny", "source")
FOREIGN = ("DASH_", "FLASK_")  # what these switch on is open to whoever reaches the port


class SettingsError(Exception):
    """A setting is unknown or out of its limits; the message says which and what to do."""


def _beside_home(data: dict[str, Any]) -> Path:
    """Return where keys are kept if nobody says: beside the data, never among them."""
    home: Path = data.get("home", Path("var"))
    return home.parent / f"{home.name or 'carbon'}.keys"


def _anchor_beside_home(data: dict[str, Any]) -> Path:
    """Return where checkpoints of the audit trail are kept if nobody names another volume."""
    home: Path = data.get("home", Path("var"))
    return home.parent / f"{home.name or 'carbon'}.anchor" / "checkpoints.jsonl"


class Settings(BaseSettings):
    """The environment's settings, each named CARBON_ and the field's name in capitals."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    home: Path = Field(Path("var"), description="目录：全部数据所在处")
    bind: str = Field("127.0.0.1", description="网页服务监听的地址")
    port: int = Field(8050, ge=1, le=65535, description="网页服务监听的端口")
    env: Literal["production", "development"] = Field("production", description="运行环境")
    language: Literal["zh", "en"] = Field("zh", description="命令行和日志的语言")
    threads: int = Field(2, ge=1, le=64, description="数据库使用的线程数")
    memory_mb: int = Field(4096, ge=256, description="数据库可用内存上限（MB）")
    disk_floor_mb: int = Field(200, ge=0, description="磁盘剩余低于此值（MB）时停止导入")
    lock_wait_s: float = Field(600.0, ge=0, description="等待另一条命令结束的最长时间（秒）")
    api_rate_per_s: int = Field(
        100, ge=1, le=10_000, description="每个接口密钥每秒的请求数；可突发两秒的量"
    )
    keys: Path = Field(default_factory=_beside_home, description="目录：密钥所在处，不在数据目录内")
    key_provider: str = Field(
        "file",
        pattern="^[a-z][a-z0-9_-]*$",
        description="根密钥的保管方式：file、passphrase 或扩展",
    )
    key_passphrase_file: str = Field(
        "", description="口令文件的路径，或 credential:名称；仅 passphrase 使用"
    )
    audit_anchor: Path = Field(
        default_factory=_anchor_beside_home,
        description="文件：审计检查点的外部副本，不在数据目录内，宜在另一卷",
    )
    audit_syslog: str = Field(
        "",
        pattern=r"^((udp|tcp|tls)://[A-Za-z0-9._\[\]:-]+:\d{1,5})?$",
        description="审计检查点送往的日志服务器：udp://、tcp:// 或 tls://主机:端口",
    )
    audit_syslog_ca: str = Field("", description="文件：tls:// 日志服务器的 CA 证书")

    settle_quiet_s: float = Field(
        8.0, ge=1, le=3600, description="数据静默多少秒后自动结算并判断告警"
    )
    alarm_syslog: str = Field(
        "",
        pattern=r"^(tls://[A-Za-z0-9._\[\]:-]+:\d{1,5})?$",
        description="告警日志送往的日志服务器：tls://主机:端口",
    )
    alarm_syslog_ca: str = Field("", description="文件：告警日志服务器的 CA 证书")
    alarm_webhook: str = Field(
        "",
        pattern=r"^(https://[^\s@]+|http://(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?(/[^\s@]*)?)?$",
        description="告警日志送往的 HTTP 接口：https://，本机可用 http://",
    )
    alarm_webhook_ca: str = Field("", description="文件：告警 HTTP 接口的 CA 证书")
    alarm_webhook_key_file: str = Field(
        "", description="文件：告警 HTTP 接口的签名密钥，至少 16 字节，权限 0600"
    )

    price_feed: str = Field(
        "",
        pattern=r"^(https://[^\s@]+|http://(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?(/[^\s@]*)?"
        r"|/.*)?$",
        description="行情源：https:// 地址（本机可用 http://），或文件夹的绝对路径；空为关闭",
    )
    price_feed_columns: str = Field(
        "",
        description="行情源的列对应：date=列名;volume_t=列名;turnover_cny=列名，可加 close_cny",
    )
    price_feed_rows: str = Field("", description="行情源 JSON 中行列表的路径，如 data.list")
    price_feed_instrument: Literal["CCER", "CEA"] = Field("CCER", description="行情源的品种")
    price_feed_source: str = Field("", description="行情的出处，记在每一行上")
    price_feed_every_h: int = Field(24, ge=1, le=168, description="每隔多少小时取一次行情")
    price_feed_ca: str = Field("", description="文件：行情源的 CA 证书")

    @field_validator("price_feed_columns")
    @classmethod
    def _mapped(cls, value: str, info: ValidationInfo) -> str:
        """Refuse a map that names none of the columns there are."""
        for pair in filter(None, (one.strip() for one in value.split(";"))):
            ours, mark, theirs = (part.strip() for part in pair.partition("="))
            if not mark or not theirs or ours not in PRICE_COLUMNS:
                language = info.data.get("language", "zh")
                raise ValueError(text("行情源的列对应“{pair}”不可用", language, pair=pair))
        return value

    @field_validator("alarm_webhook_key_file")
    @classmethod
    def _signed(cls, value: str, info: ValidationInfo) -> str:
        """Refuse a webhook whose requests nobody could tell from anybody's."""
        if info.data.get("alarm_webhook") and not value:
            language = info.data.get("language", "zh")
            raise ValueError(text("设置了告警 HTTP 接口，就必须给出签名密钥文件", language))
        return value

    @field_validator("home", "keys", "audit_anchor")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator("audit_anchor")
    @classmethod
    def _anchor_not_with_the_data(cls, value: Path, info: ValidationInfo) -> Path:
        """Refuse an anchor that whoever changes the data changes with them."""
        home = info.data.get("home")
        if home and info.data.get("env") == "production" and value.is_relative_to(home):
            language = info.data.get("language", "zh")
            raise ValueError(text("审计锚点不能在数据目录 {home} 内", language, home=home))
        return value

    @field_validator("keys")
    @classmethod
    def _not_with_the_data(cls, value: Path, info: ValidationInfo) -> Path:
        """Refuse keys that every backup of the data would carry away."""
        home = info.data.get("home")
        if home and info.data.get("env") == "production" and value.is_relative_to(home):
            language = info.data.get("language", "zh")
            raise ValueError(text("密钥目录不能在数据目录 {home} 内", language, home=home))
        return value


def load() -> Settings:
    """Return the settings of the environment; an unknown CARBON_* variable is an error."""
    names = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    language = os.environ.get(f"{PREFIX}LANGUAGE", "zh")
    language = language if language in ("zh", "en") else "zh"
    foreign = sorted(n for n in os.environ if n.startswith(FOREIGN))
    if foreign:
        raise SettingsError(
            text("{name} 会打开调试或另外的接口，不能设置；请先取消它", language, name=foreign[0])
        )
    unknown = sorted(n for n in os.environ if n.startswith(PREFIX) and n not in names)
    if unknown:
        known = ", ".join(sorted(names))
        raise SettingsError(
            text("未知的设置 {name}；可用的设置：{known}", language, name=unknown[0], known=known)
        )
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"{PREFIX}{str(first['loc'][0]).upper()}"
        raise SettingsError(
            text(
                "设置 {name} 的值 “{value}” 不可用：{reason}",
                language,
                name=name,
                value=first.get("input"),
                reason=first.get("ctx", {}).get("error", first["msg"]),
            )
        ) from error
