# A block design with the tensor compute unit and the processing system of a board, for Vivado:
#
#     vivado -mode batch -source block_design.tcl -tclargs BOARD [MHZ]
#
# BOARD is pynq-z2, zybo, zcu104 or kv260; its board files have to be installed. The project goes to ./tcu_BOARD.
# The registers are at 0x43C00000 on Zynq-7000 (pynq-z2, zybo), at 0xA0000000 on Zynq UltraScale+ (zcu104, kv260); the
# device-tree overlays say the same. Written for Vivado 2020.2 and newer, whose assign_bd_address takes an offset.
# NOT RUN ON HARDWARE, and not run in Vivado: it was written without one. What was run is its Tcl.

set boards [dict create \
    pynq-z2 {board tul.com.tw:pynq-z2:part0:1.0 part xc7z020clg400-1 family zynq} \
    zybo {board digilentinc.com:zybo:part0:2.0 part xc7z010clg400-1 family zynq} \
    zcu104 {board xilinx.com:zcu104:part0:1.1 part xczu7ev-ffvc1156-2-e family zynquplus} \
    kv260 {board xilinx.com:kv260_som:part0:1.4 part xck26-sfvc784-2LV-c family zynquplus} \
]

set board [lindex $argv 0]
if {![dict exists $boards $board]} {
    error "board '$board' is not one of [join [dict keys $boards] {, }]; name one of them with -tclargs"
}
set mhz [expr {[llength $argv] > 1 ? [lindex $argv 1] : 100}]
set family [dict get $boards $board family]
set here [file dirname [file normalize [info script]]]

create_project tcu_$board ./tcu_$board -part [dict get $boards $board part] -force
set_property board_part [dict get $boards $board board] [current_project]
set_property ip_repo_paths $here [current_project]
update_ip_catalog
create_bd_design tcu_system

# The processing system: one clock, one master for the registers, one port into memory, one interrupt.
if {$family eq "zynq"} {
    set ps [create_bd_cell -type ip -vlnv xilinx.com:ip:processing_system7 ps]
    apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 \
        -config {make_external "FIXED_IO, DDR" apply_board_preset "1"} $ps
    set_property -dict [list \
        CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ $mhz CONFIG.PCW_USE_M_AXI_GP0 1 CONFIG.PCW_USE_S_AXI_HP0 1 \
        CONFIG.PCW_USE_FABRIC_INTERRUPT 1 CONFIG.PCW_IRQ_F2P_INTR 1] $ps
    set registers /ps/M_AXI_GP0
    set memory /ps/S_AXI_HP0
    set clock ps/FCLK_CLK0
    set interrupt ps/IRQ_F2P
    set address 0x43C00000
} else {
    set ps [create_bd_cell -type ip -vlnv xilinx.com:ip:zynq_ultra_ps_e ps]
    apply_bd_automation -rule xilinx.com:bd_rule:zynq_ultra_ps_e -config {apply_board_preset "1"} $ps
    set_property -dict [list \
        CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ $mhz CONFIG.PSU__USE__M_AXI_GP0 1 CONFIG.PSU__USE__M_AXI_GP1 0 \
        CONFIG.PSU__USE__M_AXI_GP2 0 CONFIG.PSU__USE__S_AXI_GP2 1 CONFIG.PSU__USE__IRQ0 1] $ps
    set registers /ps/M_AXI_HPM0_FPD
    set memory /ps/S_AXI_HP0_FPD
    set clock ps/pl_clk0
    set interrupt ps/pl_ps_irq0
    set address 0xA0000000
}

set unit [create_bd_cell -type ip -vlnv tcugen:ip:tcu:1.0 tcu]
apply_bd_automation -rule xilinx.com:bd_rule:axi4 \
    -config [list Master $registers Slave /tcu/s_axil Clk_master /$clock Clk_slave /$clock Clk_xbar /$clock] \
    [get_bd_intf_pins tcu/s_axil]
apply_bd_automation -rule xilinx.com:bd_rule:axi4 \
    -config [list Master /tcu/m_axi Slave $memory Clk_master /$clock Clk_slave /$clock Clk_xbar /$clock] \
    [get_bd_intf_pins $memory]
connect_bd_net [get_bd_pins tcu/irq] [get_bd_pins $interrupt]
# -force: the automation may have placed the registers already. The second call places memory, in the unit's space.
assign_bd_address -offset $address -range 0x1000 -target_address_space [get_bd_addr_spaces ps/Data] \
    [get_bd_addr_segs tcu/s_axil/registers] -force
assign_bd_address
puts "registers of the unit: $address"

regenerate_bd_layout
validate_bd_design
save_bd_design
make_wrapper -files [get_files tcu_system.bd] -top -import
