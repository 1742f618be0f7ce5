"""Runs SCALE-Sim on a topology: `run_scalesim.py TOPOLOGY FOLDER`. Prints names, MACs and cycles of its layers as JSON;
without FOLDER it only reads the topology, and there are no cycles.

Runs in an environment of its own, with nothing but SCALE-Sim.
"""

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

from scalesim.scale_sim import scalesim  # pyright: ignore[reportMissingImports]  # installed apart
from scalesim.topology_utils import topologies  # pyright: ignore[reportMissingImports]  # installed apart

ROWS = COLUMNS = 32
CONFIG = f"""[general]
run_name = run
[architecture_presets]
ArrayHeight = {ROWS}
ArrayWidth = {COLUMNS}
IfmapSramSzkB = 512
FilterSramSzkB = 512
OfmapSramSzkB = 512
IfmapOffset = 0
FilterOffset = 10000000
OfmapOffset = 20000000
Bandwidth = 32
Dataflow = ws
MemoryBanks = 1
ReadRequestBuffer = 64
WriteRequestBuffer = 64
[layout]
IfmapCustomLayout = False
FilterCustomLayout = False
IfmapSRAMBankBandwidth = 32
IfmapSRAMBankNum = 32
IfmapSRAMBankPort = 2
FilterSRAMBankBandwidth = 32
FilterSRAMBankNum = 32
FilterSRAMBankPort = 2
[sparsity]
SparsitySupport = false
[run_presets]
InterfaceBandwidth = CALC
UseRamulatorTrace = False
"""


def run(topology: str, folder: str) -> list[int]:
    """Cycles of every layer."""
    config, layout = Path(folder, "scale.cfg"), Path(folder, "layout.csv")
    config.write_text(CONFIG)
    layout.write_text("Layer name,\n")  # none of its own: asked for, but not used
    tool = scalesim(save_disk_space=True, verbose=False, config=str(config), topology=topology, layout=str(layout))
    tool.run_scale(top_path=folder)
    return [int(layer.get_compute_report_items()[0]) for layer in tool.runner.single_layer_sim_object_list]


def main(topology: str, folder: str | None = None) -> None:
    with redirect_stdout(sys.stderr):
        cycles = run(topology, folder) if folder else None
        read = topologies()
        read.load_arrays(topology)
        read.topo_calc_hyperparams(topology)
    layers = range(read.get_num_layers())
    told = {
        "names": [read.get_layer_name(layer) for layer in layers],
        "macs": [int(read.get_layer_mac_ops(layer)) for layer in layers],
        "cycles": cycles,
        "multipliers": ROWS * COLUMNS,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
