"""Netlists of a few cells, as Yosys writes them."""


def cell(kind, directions, **connections):
    return {
        "type": kind,
        "parameters": {},
        "port_directions": {pin: directions.get(pin, "input") for pin in connections},
        "connections": {pin: [bit] if not isinstance(bit, list) else bit for pin, bit in connections.items()},
    }


def gate(kind, **connections):
    return cell(kind, {"Y": "output", "Q": "output"}, **connections)


def port(direction, *bits):
    return {"direction": direction, "bits": list(bits)}


def net(*bits, hidden=0):
    return {"hide_name": hidden, "bits": list(bits)}


def memory(kind, width, depth, **connections):
    made = cell(kind, {"read_data": "output"}, **connections)
    made["parameters"] = {"WIDTH": f"{width:032b}", "DEPTH": f"{depth:032b}"}
    return made


BOX = {"attributes": {"blackbox": "1"}, "ports": {}, "cells": {}, "netnames": {}}


def half():
    """A register with an inverted input; its second output is tied to 1, its third is its input."""
    return {
        "attributes": {},
        "ports": {
            "clk": port("input", 2),
            "d": port("input", 3),
            "q": port("output", 4),
            "one": port("output", "1"),
            "same": port("output", 3),
        },
        "cells": {"i": gate("INVX1", A=3, Y=5), "f": gate("DFFPOSX1", CLK=2, D=5, Q=4)},
        "netnames": {
            "clk": net(2),
            "d": net(3),
            "held": net(4),
            "q": net(4),
            "$abc$1": net(5, hidden=1),
        },
    }


def machine():
    """Two halves in a row, a gate that both and a memory feed, a memory of 8 words of 2 bits and one of 4 of 3."""
    connections = dict(clk=2, d=3, q=4, one=5, same=6)
    second = dict(clk=2, d=6, q=7)
    return {
        "DFFPOSX1": BOX,
        "INVX1": BOX,
        "NAND3X1": BOX,
        "tcu_sram_1r1w": BOX,
        "tcu_words": BOX,
        "tcu_half": half(),
        "tcu_top": {
            "attributes": {"top": "1"},
            "ports": {"aclk": port("input", 2), "x": port("input", 3), "y": port("output", 8, 4)},
            "cells": {
                "u_a": cell("tcu_half", {"q": "output", "one": "output", "same": "output"}, **connections),
                "u_b": cell("tcu_half", {"q": "output"}, **second),
                "n": gate("NAND3X1", A=7, B=5, C=9, Y=8),
                "u_ring": memory("tcu_sram_1r1w", 2, 8, clk=2, read_data=[9, 10], write_data=[4, "0"]),
                "storage": memory("tcu_words", 3, 4, read_clk="x", read_data=[11, 12, 13], write_data=[8, 8, 9]),
            },
            "netnames": {
                "aclk": net(2),
                "x": net(3),
                "y": net(8, 4),
                "word": net(9, 10),
                "a_q": net(4),
                "b_q": net(7),
            },
        },
    }
