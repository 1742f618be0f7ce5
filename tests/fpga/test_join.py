"""A machine's netlist in its wrapper's: which net is which afterwards."""

from tcugen.fpga.join import put_into

CELL = {"type": "LUT4", "parameters": {"INIT": "01"}, "port_directions": {"A": "input", "Z": "output"}}


def net(*bits):
    return {"bits": list(bits)}


def test_nets_of_both_are_told_apart_and_ports_are_connected():
    wrapper = {
        "ports": {"pin": {"direction": "input", "bits": [2]}, "out": {"direction": "output", "bits": [4]}},
        "cells": {
            "machine": {"type": "m", "connections": {"i": [2], "o": [3], "zero": [5], "back": [6]}},
            "flop": CELL | {"connections": {"A": [3], "Z": [4]}},
            "two": CELL | {"connections": {"A": [5], "Z": [6]}},
        },
        "netnames": {"pin": net(2), "result": net(3, 5), "out": net(4)},
    }
    wrapper["netnames"]["back"] = net(6)
    machine = {
        "ports": {
            "i": {"direction": "input", "bits": [2]},
            "back": {"direction": "input", "bits": [7]},
            "o": {"direction": "output", "bits": [3]},
            "zero": {"direction": "output", "bits": ["0"]},
        },
        "cells": {
            "gate": CELL | {"connections": {"A": [2], "Z": [3]}},
            "other": CELL | {"connections": {"A": [7], "Z": [4]}},
        },
        "netnames": {"i": net(2), "inside": net(3, 4, "1")},
    }
    joined = put_into(wrapper, machine, "machine")
    assert set(joined["cells"]) == {"flop", "two", "machine.gate", "machine.other"}
    nets = {name: cell["connections"] for name, cell in joined["cells"].items()}
    driven = nets["machine.gate"]["Z"]
    assert nets["machine.gate"]["A"] == [2]
    assert nets["flop"] == {"A": driven, "Z": [4]}
    assert nets["two"] == {"A": ["0"], "Z": [6]}
    assert nets["machine.other"]["A"] == [6]
    drivers = [bit for cell in nets.values() for bit in cell["Z"]]
    assert len(set(drivers)) == len(drivers)
    assert joined["netnames"]["machine.inside"]["bits"] == [*driven, *nets["machine.other"]["Z"], "1"]
    assert joined["cells"]["machine.gate"]["parameters"] == CELL["parameters"]


def test_an_input_that_is_an_output_too():
    wrapper = {
        "ports": {"pin": {"direction": "input", "bits": [2]}, "out": {"direction": "output", "bits": [3]}},
        "cells": {"machine": {"type": "m", "connections": {"i": [2], "o": [3]}}},
        "netnames": {"pin": net(2), "out": net(3)},
    }
    machine = {
        "ports": {"i": {"direction": "input", "bits": [2]}, "o": {"direction": "output", "bits": [2]}},
        "cells": {},
        "netnames": {"i": net(2)},
    }
    assert put_into(wrapper, machine, "machine")["ports"]["out"]["bits"] == [2]
