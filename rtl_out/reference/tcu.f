tcu_sram_1r1w.v
tcu_top.v
