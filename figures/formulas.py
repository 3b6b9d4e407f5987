"""The formulas of the ledger in words, for those who read no symbols."""

from __future__ import annotations

from translations import text

FORMULAS = {
    "E = Eg + Es": "用电量 = 外购电 + 光伏自用",
    "E_office = Σ office meters; E_plant = E − E_office":
        "办公楼 = Σ 办公楼电表；厂区 = 全站 − 办公楼",
    "Σ meters of the group; other = E − the three groups":
        "Σ 该类设备的电表；其他 = 全站 − 三类设备",
    "E_p = E_direct + crane_p + environmental_p + sorting_p; x_p = X·k_p/Σk":
        "环节用电 = 直接用电 + 吊机、环保、分拣的分摊；分摊 = 总量 × 该环节权重 ÷ 权重合计",
    "Σ (meter − its children)": "Σ（电表 − 其下级表）",
    "Eg = Σ grid meters": "外购电 = Σ 关口表",
    "Σ PV generation meters": "Σ 光伏发电表",
    "Es = generation − export": "光伏自用 = 发电 − 上网",
    "Ex = Σ PV export meters": "上网电量 = Σ 光伏上网表",
    "V = Σ top-level water meters": "用水量 = Σ 总水表",
    "Σ water meters of the building, else V by headcount": "Σ 该建筑水表，无表时按人数分摊",
    "D = Σ litres used + own trucks": "用油量 = Σ 加油记录 + 自有车辆",
    "forklift litres; x_p = X·k_p/Σk": "叉车用油 × 该环节权重 ÷ 权重合计",
    "e = (Eg + Es)·0.1229 + V·0.2571 + D·ρ·1.4571":
        "能耗 =（外购电 + 光伏自用）× 0.1229 + 用水 × 0.2571 + 柴油 × 密度 × 1.4571",
    "quantity × standard-coal coefficient": "数量 × 折标准煤系数",
    "E_b·0.1229 + V_b·0.2571 (+ D·ρ·1.4571 in the plant)":
        "用电 × 0.1229 + 用水 × 0.2571（厂区另加柴油 × 密度 × 1.4571）",
    "E_g·0.1229 (+ fuel in dismantling, + water in other)":
        "用电 × 0.1229（拆解另加燃油，其他另加用水）",
    "e_p = E_p·0.1229 + D_p·ρ·1.4571": "环节能耗 = 用电 × 0.1229 + 用油 × 密度 × 1.4571",
    "X·k_p/Σk × standard-coal coefficient": "总量 × 该环节权重 ÷ 权重合计 × 折标准煤系数",
    "G = Eg·EF_grid + V·EF_water + D·EF_diesel":
        "碳排放量 = 外购电 × 电力因子 + 用水 × 水因子 + 柴油 × 柴油因子",
    "quantity × emission factor": "数量 × 排放因子",
    "E_b·(1−σ)·EF_grid + V_b·EF_water (+ D·EF_diesel in the plant)":
        "用电 ×（1 − 光伏占比）× 电力因子 + 用水 × 水因子（厂区另加柴油 × 柴油因子）",
    "E_g·(1−σ)·EF_grid (+ fuel in dismantling, + water in other)":
        "用电 ×（1 − 光伏占比）× 电力因子（拆解另加燃油，其他另加用水）",
    "G_p = E_p·(1−σ)·EF_grid + D_p·EF_diesel; office_etc = G − Σ G_p":
        "环节排放 = 用电 ×（1 − 光伏占比）× 电力因子 + 用油 × 柴油因子；办公等 = 全站 − Σ 环节",
    "scope1 = fuel; scope2 = grid electricity; scope3 = water":
        "范围一 = 燃油；范围二 = 外购电；范围三 = 用水",
    "max(0, Eg − green)·EF_excl + V·EF_water + D·EF_diesel":
        "max（0，外购电 − 绿电）× 剩余电力因子 + 用水 × 水因子 + 柴油 × 柴油因子",
    "e_b / area_b": "能耗 ÷ 建筑面积",
    "G_b / area_b": "碳排放量 ÷ 建筑面积",
    "Σ mass in": "Σ 批次入料质量",
    "Σ residue": "Σ 批次残余质量",
    "Σ output mass": "Σ 产出质量",
    "e_p / m_p": "环节能耗 ÷ 处理量",
    "G_p / m_p": "环节碳排放 ÷ 处理量",
    "R_p / m_p": "环节碳减排 ÷ 处理量",
    "(e_p / m_p)·(Σ m / Σ km)": "单位处理量能耗 ×（有长度批次的质量 ÷ 长度）",
    "(G_p / m_p)·(Σ m / Σ km)": "单位处理量碳排放 ×（有长度批次的质量 ÷ 长度）",
    "(R_p / m_p)·(Σ m / Σ km)": "单位处理量碳减排 ×（有长度批次的质量 ÷ 长度）",
    "(e_p / m_p)·(Σ m / Σ units)": "单位处理量能耗 ×（有台数批次的质量 ÷ 台数）",
    "(G_p / m_p)·(Σ m / Σ units)": "单位处理量碳排放 ×（有台数批次的质量 ÷ 台数）",
    "(R_p / m_p)·(Σ m / Σ units)": "单位处理量碳减排 ×（有台数批次的质量 ÷ 台数）",
    "Σ capacity in service": "Σ 月末在役容量",
    "number in service": "月末在役数量",
    "100·Es / generation": "100 × 光伏自用 ÷ 发电",
    "Es·EF_grid; (Ex − certificates sold)·EF_grid":
        "自用 × 电力因子；（上网 − 已售绿证电量）× 电力因子",
    "Σ charger meters": "Σ 充电桩电表",
    "100·new-energy vehicles / vehicles": "100 × 新能源车数 ÷ 车辆数",
    "Σ heat pump meters": "Σ 热泵电表",
    "E_std = Q_c / EER_std + Q_h / COP_std":
        "标准空调用电 = 制冷量 ÷ 标准制冷能效 + 制热量 ÷ 标准制热能效",
    "E_saved = E_std − E_hp": "节电量 = 标准空调用电 − 热泵用电",
    "Q / hours in operation": "冷热量 ÷ 运行小时",
    "A_pv = Es·EF + (Ex − certificates)·EF; A_ch = Σ km·FC/100·EF_fuel − kWh·EF; "
    "A_hp = E_saved·EF":
        "光伏 = 自用与上网（减已售绿证）× 电力因子；"
        "充电 = Σ 里程 × 百公里油耗 × 燃油因子 − 充电量 × 电力因子；热泵 = 节电量 × 电力因子",
    "A = A_pv + A_ch + A_hp": "替代量 = 光伏 + 充电桩 + 地源热泵",
    "Σ lines of the stage": "Σ 各产线在该环节的排放",
    "L_p = Σ stages": "全流程碳排放 = Σ 六个环节",
    "L = Σ stages": "全流程碳排放 = Σ 六个环节",
    "κ·(EF_prim − EF_rec)": "替代系数 ×（原生因子 − 再生因子）",
    "S_m = Σ m_out·κ·(EF_prim − EF_rec)": "Σ 产出质量 × 替代系数 ×（原生因子 − 再生因子）",
    "S_p = Σ m_out·κ·(EF_prim − EF_rec)": "Σ 产出质量 × 替代系数 ×（原生因子 − 再生因子）",
    "S = Σ S_p": "产品替代减排 = Σ 各产线",
    "R_p = S_p − L_p": "碳减排量 = 产品替代减排 − 全流程碳排放",
    "R = S − L": "碳减排量 = 产品替代减排 − 全流程碳排放",
    "flag·max(0, R_p / 1000)·CF(u)": "有无适用方法学 × max（0，碳减排量）× 保守系数",
    "Σ turnover / Σ volume": "Σ 成交额 ÷ Σ 成交量",
    "Σ volume": "Σ 成交量",
    "alarms that began in the month": "当月开始的告警数",
    "Σ 12 months": "Σ 各月",
}  # fmt: skip


def formula_words(formula: str, language: str) -> str:
    """Return a formula as the reader's language words it; English readers get the symbols."""
    words = FORMULAS.get(formula)
    return text(words, language) if words and language == "zh" else formula
