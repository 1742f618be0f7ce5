"""nextpnr's report in the design's names."""

import pytest

from tcugen.fpga.timing import read_timing, signal_name


@pytest.mark.parametrize(
    "name,plain",
    [
        ("machine.u_core.u_pool.maximum_LUT4_Z_3_D", "core.pool.maximum"),
        ("machine.u_core.u_activation.u_bank3.words.0.1_DP16KD", "core.activation.bank3.words.0.1"),
        ("machine.u_core.u_array.sum_3_2_CCU2C_S0_COUT[4]", "core.array.sum_3_2"),
        ("machine.u_core.u_reader.request[7]", "core.reader.request[7]"),
        ("steady", "steady"),
        ("$PACKER_VCC_NET", ""),
    ],
)
def test_names_are_the_designs(name, plain):
    assert signal_name(name) == plain


def step(kind, delay, start, end, net=None):
    return {"type": kind, "delay": delay, "from": {"cell": start}, "to": {"cell": end}, **({"net": net} if net else {})}


REPORT = {
    "fmax": {"$glbnet$aclk": {"achieved": 81.2345, "constraint": 100}},
    "critical_paths": [
        {"from": "<async>", "to": "posedge $glbnet$aclk", "path": []},
        {
            "from": "posedge $glbnet$aclk",
            "to": "posedge $glbnet$aclk",
            "path": [
                step("clk-to-q", 0.5, "machine.u_a.x_TRELLIS_FF_Q", "machine.u_a.x_TRELLIS_FF_Q"),
                step("routing", 1.0, "machine.u_a.x_TRELLIS_FF_Q", "machine.u_a.y_LUT4_Z", "machine.u_a.x[1]"),
                step("logic", 0.25, "machine.u_a.y_LUT4_Z", "machine.u_a.y_LUT4_Z"),
                step("routing", 2.0, "machine.u_a.y_LUT4_Z", "machine.u_b.z_TRELLIS_FF_Q", "machine.u_a.y_LUT4_Z_D"),
                step("routing", 0.5, "machine.u_a.y_LUT4_Z", "machine.u_b.z_TRELLIS_FF_Q", "machine.u_a.y_LUT4_Z_1"),
                step("setup", 0.125, "machine.u_b.z_TRELLIS_FF_Q", "machine.u_b.z_TRELLIS_FF_Q"),
            ],
        },
    ],
}


def test_the_slowest_path_between_registers():
    timing = read_timing(REPORT)
    assert timing.fmax_mhz == 81.23
    assert timing.path.to_dict() == {
        "start": "a.x",
        "end": "b.z",
        "ns": 4.38,
        "logic_ns": 0.88,
        "routing_ns": 3.5,
        "through": ["a.x[1]", "a.y"],
    }


def test_two_clocks_are_none():
    with pytest.raises(ValueError, match="has clocks"):
        read_timing(REPORT | {"fmax": {"a": {}, "b": {}}})
