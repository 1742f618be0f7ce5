"""The command line: arguments only, the work is done in `tcugen.commands`."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tcugen import __version__, cli_check, cli_export, cli_fpga, cli_models, cli_networks, cli_rebuild, cli_sweep
from tcugen.commands import bench as bench_command
from tcugen.commands import build as build_command
from tcugen.commands import diff as diff_command
from tcugen.commands import doctor as doctor_command
from tcugen.commands import estimate as estimate_command
from tcugen.commands import evaluate as evaluate_command
from tcugen.commands import layers as layers_command
from tcugen.commands import shapes as shapes_command
from tcugen.commands import simulate as simulate_command
from tcugen.commands import speed as speed_command
from tcugen.commands.part_goal import Goal
from tcugen.console.machine import MachineFlags
from tcugen.console.outcome import one_clear_error
from tcugen.console.screen import screen

app = typer.Typer(
    help="From the layers of a neural network to a tensor compute unit: Verilog, program, proof.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)

LayerConfig = Annotated[
    str | None, typer.Option("--layer-config", metavar="FILE|NAME", help="Layer config or bundled name.")
]
LayerConfigs = Annotated[
    list[str] | None,
    typer.Option("--layer-config", metavar="FILE|NAME", help="Layer config or bundled name; several for one machine."),
]
Model = Annotated[Path | None, typer.Option("--model", metavar="FILE", help="Quantized ONNX, .tflite or saved model.")]
Array = Annotated[str | None, typer.Option(metavar="ROWSxCOLUMNS", help="Fix the array, e.g. 16x16.")]
Multipliers = Annotated[int | None, typer.Option(help="Most multipliers (256 unless --array says more).")]
ActivationKib = Annotated[int | None, typer.Option(help="Fix the activation memory, in KiB.")]
MaxActivationKib = Annotated[int | None, typer.Option(help="Largest activation memory in KiB (1280).")]
BusBytes = Annotated[int | None, typer.Option(help="Bytes per AXI4 beat (8).")]
AccumulatorBits = Annotated[int | None, typer.Option(help="Fix the accumulator's width.")]
AccumulatorDepth = Annotated[int | None, typer.Option(help="Fix the pixels per accumulator bank.")]
WeightTiles = Annotated[int | None, typer.Option(help="Fix the weight ring, in tiles.")]
ParameterGroups = Annotated[int | None, typer.Option(help="Fix the parameter ring, in groups.")]
OutputLanes = Annotated[int | None, typer.Option(help="Fix the lanes of the output stage.")]
Clock = Annotated[float | None, typer.Option(help="Clock in MHz that speeds are reckoned with.")]
Classes = Annotated[
    Path | None, typer.Option("--classes", metavar="FILE", help="Names of the classes for the driver, one a line.")
]
Certify = Annotated[bool, typer.Option(help="Prove that the program computes the network.")]
BusAddressBits = Annotated[int | None, typer.Option(help="Width of AXI4 addresses (40).")]
Parity = Annotated[bool | None, typer.Option("--parity", help="A parity bit for every lane of the memories.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Common options."""


@app.command()
def layers(
    network: Annotated[str, typer.Argument(metavar="FILE|NAME", help="Layer config or bundled name.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the layer config there.")] = None,
    form: Annotated[str | None, typer.Option("--format", help="For others: scalesim, zigzag or timeloop.")] = None,
) -> None:
    """Show a network's layers, or write its layer config."""
    console = screen()
    with one_clear_error():
        layers_command.layers(network, output, console, form)


@app.command()
def build(
    layer_config: LayerConfigs = None,
    model: Model = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Output folder (rtl_out/NAME).")] = None,
    part: Annotated[
        str | None, typer.Option(metavar="PART|FILE.json", help="The fastest machine inside this part.")
    ] = None,
    clock_mhz: Clock = None,
    goal: Annotated[Goal | None, typer.Option(help="With --part: most images/s, or most for what it takes.")] = None,
    classes: Classes = None,
    array: Array = None,
    multipliers: Multipliers = None,
    activation_kib: ActivationKib = None,
    max_activation_kib: MaxActivationKib = None,
    bus_bytes: BusBytes = None,
    accumulator_bits: AccumulatorBits = None,
    accumulator_depth: AccumulatorDepth = None,
    weight_tiles: WeightTiles = None,
    parameter_groups: ParameterGroups = None,
    output_lanes: OutputLanes = None,
    bus_address_bits: BusAddressBits = None,
    parity: Parity = None,
    certify: Certify = True,
) -> None:
    """Write Verilog, program, driver and report for a network."""
    console = screen()
    flags = _machine_flags(locals())
    with one_clear_error():
        if layer_config and len(layer_config) > 1:
            of_one = {"--model": model, "--part": part, "--clock-mhz": clock_mhz, "--goal": goal, "--classes": classes}
            cli_networks.build_several(layer_config, output, of_one, flags, console, certify)
            return
        options = build_command.BuildOptions(
            layer_config[0] if layer_config else None, model, output, part, clock_mhz, classes, goal, certify
        )
        build_command.build(options, flags, console)


@app.command()
def simulate(
    layer_config: LayerConfig = None,
    model: Model = None,
    only: Annotated[list[str] | None, typer.Option(metavar="NODE[,NODE...]", help="Run these nodes only.")] = None,
    rtl: Annotated[Path | None, typer.Option(help="Simulate this earlier build as it is.")] = None,
    memory: Annotated[str, typer.Option(help="Memory model: fixed or ddr.")] = "fixed",
    seed: Annotated[int, typer.Option(help="Seed of weights and images.")] = 0,
    images: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER|FILE", help="How many synthetic images (1), or with --model a .npy file of images."
        ),
    ] = None,
    int32_output: Annotated[bool, typer.Option(help="Let the last layer store 32-bit sums.")] = False,
    dump: Annotated[Path | None, typer.Option(help="Write all tensors and integers to this folder.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write a page and its data to this folder.")] = None,
    waves: Annotated[
        Path | None, typer.Option(metavar="FILE.fst|FILE.vcd", help="Record waves of the first image.")
    ] = None,
    animate: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Show the array at work.")] = None,
    cycles: Annotated[str | None, typer.Option(metavar="FIRST:LAST", help="Cycles of the waves (0:9999).")] = None,
    array: Array = None,
    multipliers: Multipliers = None,
    activation_kib: ActivationKib = None,
    max_activation_kib: MaxActivationKib = None,
    bus_bytes: BusBytes = None,
    accumulator_bits: AccumulatorBits = None,
    accumulator_depth: AccumulatorDepth = None,
    weight_tiles: WeightTiles = None,
    parameter_groups: ParameterGroups = None,
    output_lanes: OutputLanes = None,
    bus_address_bits: BusAddressBits = None,
) -> None:
    """Run nodes of a network on the RTL and compare every element with PyTorch and the emulator."""
    console = screen()
    flags = _machine_flags(locals())
    with one_clear_error():
        options = simulate_command.SimulateOptions(
            layer_config=layer_config,
            model=model,
            images=images,
            only=simulate_command.split_names(only or ()),
            rtl=rtl,
            memory=memory,
            seed=seed,
            int32_output=int32_output,
            dump=dump,
            json_file=json_file,
            report=report,
            waves=waves,
            animate=animate,
            cycles=cycles,
        )
        status = simulate_command.simulate(options, flags, console)
    raise typer.Exit(status)


@app.command()
def shapes(
    network: Annotated[str, typer.Argument(metavar="[FILE|NAME]", help="Layer config or bundled name.")] = "resnet50",
    rtl: Annotated[Path | None, typer.Option(help="Simulate this earlier build as it is.")] = None,
    memory: Annotated[str, typer.Option(help="Memory model: fixed or ddr.")] = "fixed",
    seed: Annotated[int, typer.Option(help="Seed of weights and images.")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
    array: Array = None,
    multipliers: Multipliers = None,
    activation_kib: ActivationKib = None,
    max_activation_kib: MaxActivationKib = None,
    bus_bytes: BusBytes = None,
    accumulator_bits: AccumulatorBits = None,
    accumulator_depth: AccumulatorDepth = None,
    weight_tiles: WeightTiles = None,
    parameter_groups: ParameterGroups = None,
    output_lanes: OutputLanes = None,
    bus_address_bits: BusAddressBits = None,
) -> None:
    """Run a whole network on the RTL and show the cycles of every shape of layer against the ideal."""
    console = screen()
    flags = _machine_flags(locals())
    with one_clear_error():
        options = simulate_command.SimulateOptions(
            layer_config=network, rtl=rtl, memory=memory, seed=seed, json_file=json_file
        )
        status = shapes_command.shapes(options, flags, console)
    raise typer.Exit(status)


@app.command()
def diff(
    layer_config: LayerConfig = None,
    model: Model = None,
    only: Annotated[list[str] | None, typer.Option(metavar="NODE[,NODE...]", help="Run these nodes only.")] = None,
    rtl: Annotated[Path | None, typer.Option(help="Simulate this earlier build as it is.")] = None,
    memory: Annotated[str, typer.Option(help="Memory model: fixed or ddr.")] = "fixed",
    seed: Annotated[int, typer.Option(help="Seed of weights and images.")] = 0,
    images: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER|FILE", help="How many synthetic images (1), or with --model a .npy file of images."
        ),
    ] = None,
    int32_output: Annotated[bool, typer.Option(help="Let the last layer store 32-bit sums.")] = False,
    waves: Annotated[Path | None, typer.Option(metavar="FILE", help="Where the waves go (diff.vcd).")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the finding to this file.")] = None,
    array: Array = None,
    multipliers: Multipliers = None,
    activation_kib: ActivationKib = None,
    max_activation_kib: MaxActivationKib = None,
    bus_bytes: BusBytes = None,
    accumulator_bits: AccumulatorBits = None,
    accumulator_depth: AccumulatorDepth = None,
    weight_tiles: WeightTiles = None,
    parameter_groups: ParameterGroups = None,
    output_lanes: OutputLanes = None,
    bus_address_bits: BusAddressBits = None,
) -> None:
    """Find the first element, write and cycle at which golden, emulator and RTL part."""
    console = screen()
    flags = _machine_flags(locals())
    with one_clear_error():
        options = diff_command.DiffOptions(
            layer_config=layer_config,
            model=model,
            images=images,
            only=simulate_command.split_names(only or ()),
            rtl=rtl,
            memory=memory,
            seed=seed,
            int32_output=int32_output,
            waves=waves,
            json_file=json_file,
        )
        status = diff_command.diff(options, flags, console)
    raise typer.Exit(status)


@app.command()
def speed(
    layer_config: Annotated[
        str, typer.Option(metavar="FILE|NAME", help="Layer config or bundled name that the machine is sized for.")
    ] = speed_command.NETWORK,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NODE[,NODE...]", help=f"Run these nodes ({speed_command.NODES[0]}).")
    ] = None,
    rtl: Annotated[Path | None, typer.Option(help="Measure this earlier build as it is.")] = None,
    rounds: Annotated[int, typer.Option(help="How often to measure.")] = speed_command.ROUNDS,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
    array: Array = None,
    multipliers: Multipliers = None,
    activation_kib: ActivationKib = None,
    max_activation_kib: MaxActivationKib = None,
    bus_bytes: BusBytes = None,
    accumulator_bits: AccumulatorBits = None,
    accumulator_depth: AccumulatorDepth = None,
    weight_tiles: WeightTiles = None,
    parameter_groups: ParameterGroups = None,
    output_lanes: OutputLanes = None,
    bus_address_bits: BusAddressBits = None,
) -> None:
    """Measure how fast the machine simulates, against its array alone."""
    console = screen()
    flags = _machine_flags(locals())
    with one_clear_error():
        nodes = simulate_command.split_names(only) if only else speed_command.NODES
        options = speed_command.SpeedOptions(layer_config, nodes, rtl, rounds, json_file)
        status = speed_command.speed(options, flags, console)
    raise typer.Exit(status)


app.command("import")(cli_models.import_model)


@app.command()
def evaluate(
    model: Annotated[Path, typer.Option(metavar="FILE", help="Quantized ONNX, .tflite or saved model.")],
    images: Annotated[Path, typer.Option(metavar="X.npy", help="float32 images, exactly the model's input.")],
    labels: Annotated[Path | None, typer.Option(metavar="L.npy", help="The right classes.")] = None,
    rtl: Annotated[Path | None, typer.Option(help="Use the architecture of this earlier build.")] = None,
    compare: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="ONNX or .tflite to compare with; repeatable.")
    ] = None,
    logits: Annotated[Path | None, typer.Option(metavar="FILE.npy", help="Write the outputs to this file.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
    array: Array = None,
    multipliers: Multipliers = None,
    activation_kib: ActivationKib = None,
    max_activation_kib: MaxActivationKib = None,
    bus_bytes: BusBytes = None,
    accumulator_bits: AccumulatorBits = None,
    accumulator_depth: AccumulatorDepth = None,
    weight_tiles: WeightTiles = None,
    parameter_groups: ParameterGroups = None,
    output_lanes: OutputLanes = None,
    bus_address_bits: BusAddressBits = None,
) -> None:
    """Run a trained model on many images on the emulator and in ONNX Runtime, and count how often each is right."""
    console = screen()
    flags = _machine_flags(locals())
    with one_clear_error():
        options = evaluate_command.EvaluateOptions(model, images, labels, rtl, compare or (), logits, json_file)
        status = evaluate_command.evaluate(options, flags, console)
    raise typer.Exit(status)


@app.command()
def bench(
    small: Annotated[bool, typer.Option("--small", help="Only the rows that take seconds.")] = False,
    network: Annotated[str | None, typer.Option(metavar="NAME", help="Only the rows of this network.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the rows to this file.")] = None,
) -> None:
    """Predicted beside simulated cycles of bundled networks on several machines, every element compared."""
    console = screen()
    with one_clear_error():
        status = bench_command.bench(bench_command.BenchOptions(small, network, json_file), console)
    raise typer.Exit(status)


app.command()(cli_models.quantize)


@app.command()
def estimate(
    layer_config: Annotated[
        str, typer.Option("--layer-config", metavar="FILE|NAME", help="Layer config or bundled name.")
    ],
    part: Annotated[str, typer.Option(metavar="PART|FILE.json", help="Part, see `tcugen parts`.")],
    clock_mhz: Clock = None,
    goal: Annotated[Goal, typer.Option(help="Most images/s, or most for what the machine takes.")] = Goal.FPS,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
    array: Array = None,
    multipliers: Multipliers = None,
    activation_kib: ActivationKib = None,
    max_activation_kib: MaxActivationKib = None,
    bus_bytes: BusBytes = None,
    accumulator_bits: AccumulatorBits = None,
    accumulator_depth: AccumulatorDepth = None,
    weight_tiles: WeightTiles = None,
    parameter_groups: ParameterGroups = None,
    output_lanes: OutputLanes = None,
    bus_address_bits: BusAddressBits = None,
) -> None:
    """Find the fastest machine for a network inside a part, and how fast it is, without writing it."""
    console = screen()
    flags = _machine_flags(locals())
    with one_clear_error():
        options = estimate_command.EstimateOptions(layer_config, part, clock_mhz, json_file, goal)
        estimate_command.estimate_command(options, flags, console)


for _verb in (
    cli_check.check,
    cli_fpga.explore,
    cli_fpga.parts,
    cli_fpga.synth,
    cli_fpga.calibrate,
    cli_sweep.sweep,
    cli_export.export,
    cli_rebuild.rebuild,
):
    app.command()(_verb)
app.command("compile")(cli_networks.compile_program)
app.command()(cli_networks.networks)


@app.command()
def doctor() -> None:
    """Check that everything is installed that building and simulating need."""
    raise typer.Exit(doctor_command.doctor(screen()))


def _machine_flags(arguments: Mapping[str, Any]) -> MachineFlags:
    """Flags of the machine among a command's arguments; --parity is one of `build` alone."""
    names = [name for name in inspect.signature(MachineFlags).parameters if name != "parity" or name in arguments]
    return MachineFlags(**{name: arguments[name] for name in names})
