"""The meters of the demonstration plant: their place in the plant and their registers (assumed)."""

from __future__ import annotations

from dataclasses import dataclass

DECIMALS = 2


@dataclass(frozen=True)
class Spec:
    """A meter of the plant: its register row, and its digits."""

    meter_id: str
    name: str
    medium: str
    role: str
    building: str
    group: str
    line: str
    equipment: str
    parent_id: str
    unit: str
    multiplier: float
    register_max: float
    rated_max_per_hour: float


def _meter(
    meter_id: str,
    name: str,
    rated: float,
    *,
    medium: str = "electricity",
    role: str = "consumer",
    building: str = "plant",
    group: str = "",
    line: str = "",
    equipment: str = "",
    parent: str = "",
    unit: str = "kWh",
    ct: float = 1.0,
    top: float = 1e6,
) -> Spec:
    return Spec(
        meter_id, name, medium, role, building, group, line, equipment, parent, unit, ct, top,
        rated,
    )  # fmt: skip


METERS = (
    _meter("E00", "关口表", 900.0, role="grid_import", building="", ct=80.0),
    _meter("E01", "光伏发电", 620.0, role="pv_generation", building="", ct=60.0),
    _meter("E02", "光伏上网", 620.0, role="pv_export", building="", ct=60.0),
    _meter("E10", "电缆拆解线", 90.0, equipment="cable_line"),
    _meter("E11", "架空导线拆解线", 110.0, equipment="conductor_line"),
    _meter("E12", "变压器拆解台A", 80.0, equipment="transformer_bench"),
    _meter("E13", "变压器拆解台B", 80.0, equipment="transformer_bench"),
    _meter("E14", "变压器拆解台C", 60.0, equipment="transformer_bench"),
    _meter("E15", "1号吊机", 40.0, equipment="crane", line="shared"),
    _meter("E16", "2号吊机", 40.0, equipment="crane", line="shared"),
    _meter("E17", "3号吊机", 40.0, equipment="crane", line="transformer"),
    _meter("E18", "环保装置", 70.0, equipment="environmental", line="shared"),
    _meter("E19", "分拣设备", 50.0, equipment="sorting", line="shared"),
    _meter("E20", "堆场照明", 12.0, equipment="storage", group="other"),
    _meter("E21", "空压机", 25.0, group="other"),
    _meter("E22", "厂房空调", 70.0, group="ac"),
    _meter("E30", "办公楼总表", 120.0, building="office", group="office"),
    _meter("E31", "办公插座照明", 50.0, building="office", group="office", parent="E30"),
    _meter("E32", "信息机房", 12.0, building="office", group="office", parent="E30"),
    _meter("E33", "办公分体空调", 45.0, building="office", group="ac", parent="E30"),
    _meter("E40", "地源热泵", 60.0, role="heat_pump", building="", group="ac"),
    _meter(
        "H40", "地源热泵供热", 0.9, medium="heat", role="heat_pump_heat", building="", unit="GJ"
    ),
    _meter("E50", "充电桩1", 200.0, role="charger", group="other"),
    _meter("E51", "充电桩2", 90.0, role="charger", group="other"),
    _meter("E52", "充电桩3", 90.0, role="charger", group="other"),
    _meter("W00", "自来水总表", 8.0, medium="water", unit="m3"),
    _meter("W01", "办公楼水表", 3.0, medium="water", unit="m3", building="office", parent="W00"),
)  # fmt: skip

# Their start values lie near the last number they can show.
NEAR_ROLLOVER = ("E01", "E11", "E30")
