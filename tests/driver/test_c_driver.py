"""The driver in C: strict compilers take it, its tensors are NumPy's, and it runs the simulated machine unchanged."""

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tcugen.driver.tcu import Network
from tcugen.model.images import quantise_images
from tcugen.onnx.run_file import reals
from tcugen.registers import ErrorCode, error_codes
from tcugen.simulator.served import SimulatedMachine
from tests.driver.hosted import check_classified, compile_quietly, run_host

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Werror", "-pedantic")


def gcc(*arguments: object) -> None:
    compile_quietly("gcc", *arguments)


@pytest.mark.parametrize("width", ["-m32", "-m64"])
@pytest.mark.parametrize("build", ["trained_build", "small_build"])
def test_it_compiles_without_a_library_or_a_warning(request, tmp_path, build, width):
    folder = request.getfixturevalue(build) / "driver"
    gcc(width, *STRICT, "-ffreestanding", "-O2", "-c", folder / "tcu.c", "-o", tmp_path / "tcu.o")
    symbols = subprocess.run(["nm", "-u", tmp_path / "tcu.o"], capture_output=True, text=True, check=True).stdout
    # The offset table is the linker's; memset is what a compiler may ask for even so.
    assert set(symbols.split()) - {"U", "_GLOBAL_OFFSET_TABLE_", "memset"} == set()


def test_the_header_is_cplusplus_too(trained_build):
    header = trained_build / "driver" / "tcu.h"
    done = subprocess.run(["g++", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", "-x", "c++", header])
    assert done.returncode == 0


class CTensor(ctypes.Structure):
    """`struct tcu_tensor`."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        *((name, ctypes.c_uint32) for name in ("channels", "height", "width", "offset", "bytes")),
        *((name, ctypes.c_uint32) for name in ("word", "pixel_bytes", "row_bytes", "plane_bytes", "byte_step")),
        ("is_int32", ctypes.c_int),
        ("scale", ctypes.c_float),
        ("zero_point", ctypes.c_int32),
        ("sum_scales", ctypes.POINTER(ctypes.c_double)),
        ("is_limited", ctypes.c_int),
        ("low", ctypes.c_double),
        ("high", ctypes.c_double),
    )


class CNetwork(ctypes.Structure):
    """`struct tcu_network`."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("architecture", ctypes.c_uint32),
        *((f"{name}_bytes", ctypes.c_uint32) for name in ("program", "weights", "input", "output", "scratch")),
        ("inputs", ctypes.POINTER(CTensor)),
        ("outputs", ctypes.POINTER(CTensor)),
        ("input_count", ctypes.c_uint),
        ("output_count", ctypes.c_uint),
        ("layers", ctypes.POINTER(ctypes.c_char_p)),
        ("layer_count", ctypes.c_uint),
        ("classes", ctypes.POINTER(ctypes.c_char_p)),
        ("class_count", ctypes.c_uint),
        ("is_placeholder", ctypes.c_int),
    )


def library(build: Path, folder: Path, *flags: str) -> tuple[ctypes.CDLL, CNetwork]:
    gcc(*STRICT, *flags, "-O2", "-shared", "-fPIC", build / "driver" / "tcu.c", "-o", folder / "tcu.so")
    loaded = ctypes.CDLL(str(folder / "tcu.so"))
    return loaded, CNetwork.in_dll(loaded, "tcu_network")


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


# The x87 computes in more digits than float has, as processors of 32 bits do.
@pytest.mark.parametrize("flags", [(), ("-mfpmath=387",)], ids=["sse", "x87"])
@pytest.mark.parametrize("build, model", [("trained_build", "trained"), ("small_build", "small")])
def test_an_image_is_quantized_and_laid_out_as_numpy_does_it(request, tmp_path, build, model, flags):
    build, model = request.getfixturevalue(build), request.getfixturevalue(model)
    driver, network = library(build, tmp_path, *flags)
    tensor = Network.read(build).inputs[0]
    quantization = model.tensors["image"]
    rng = np.random.default_rng(1)
    for kind in ("spread", "ties", "edges"):
        image = rng.normal(0, 60, tensor.shape).astype(np.float32)
        if kind == "ties":
            image = np.rint(image) + np.float32(0.5)
        image = (image * quantization.scale).astype(np.float32)
        if kind == "edges":
            image = rng.choice(np.array([0, -0.0, 1e38, -1e38, 1e-40, 3e-5], np.float32), tensor.shape)
        want, got = (np.full(network.input_bytes, 85, np.uint8) for _ in range(2))
        tensor.write(image, want)
        assert driver.tcu_write_float(network.inputs, pointer(image), pointer(got)) == 0
        assert np.array_equal(got, want), kind
        quantised = quantise_images(image, quantization)
        assert np.array_equal(tensor.read(got), quantised), kind
        for values, write in (
            (quantised, driver.tcu_write_int8),
            (quantised.view(np.uint8) ^ 128, driver.tcu_write_uint8),
        ):
            got[:] = 85
            assert write(network.inputs, pointer(np.ascontiguousarray(values)), pointer(got)) == 0
            assert np.array_equal(got, want)


@pytest.mark.parametrize("build, model", [("trained_build", "trained"), ("small_build", "small")])
def test_results_are_read_and_stand_for_what_the_model_says(request, tmp_path, build, model):
    build, model = request.getfixturevalue(build), request.getfixturevalue(model)
    driver, network = library(build, tmp_path)
    window = np.random.default_rng(2).integers(0, 256, network.output_bytes, dtype=np.uint8)
    for index, tensor in enumerate(Network.read(build).outputs):
        at = ctypes.byref(network.outputs[index])
        integers, real = np.zeros(tensor.shape, np.int32), np.zeros(tensor.shape, np.float32)
        assert driver.tcu_read_int32(at, pointer(window), pointer(integers)) == 0
        assert driver.tcu_read_float(at, pointer(window), pointer(real)) == 0
        stored = tensor.read(window)
        assert np.array_equal(integers, stored)
        meant = reals(model, stored[None], tensor.name).reshape(tensor.shape)
        assert np.array_equal(tensor.real(stored), meant)
        assert np.array_equal(real, meant.astype(np.float32))
        assert driver.tcu_top1(at, pointer(window)) == np.argmax(meant[:, 0, 0])
        small = np.zeros(tensor.shape, np.int8)
        assert bool(driver.tcu_read_int8(at, pointer(window), pointer(small))) == tensor.int32
        assert tensor.int32 or np.array_equal(small, stored)


def test_the_tables_are_those_of_the_build(tmp_path, trained_build):
    _, network = library(trained_build, tmp_path)
    read = Network.read(trained_build)
    assert network.name.decode() == read.name == "resnet20"
    assert network.architecture == read.tables["architecture"]
    assert [network.layers[i].decode() for i in range(network.layer_count)] == read.layers
    assert [network.classes[i].decode() for i in range(network.class_count)] == read.classes
    for window, size in read.sizes.items():
        assert getattr(network, f"{window.lower()}_bytes") == size
    assert network.is_placeholder == 0


def test_the_tables_of_two_networks_stand_side_by_side(tmp_path, trained_build, small_build):
    """As docs/driver.md has it."""
    objects: list[str] = []
    for name, build, flags in (
        ("first", trained_build, ["-Dtcu_network=first"]),
        ("second", small_build, ["-Dtcu_network=second", "-DTCU_TABLES_ONLY"]),
    ):
        objects.append(str(tmp_path / f"{name}.o"))
        folder = build / "driver"
        command = ["gcc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", *flags, "-c", "-o", objects[-1]]
        subprocess.run([*command, str(folder / "tcu.c")], check=True)
    linked = tmp_path / "both.so"
    subprocess.run(["gcc", "-r", "-o", str(linked), *objects], check=True)
    names = subprocess.run(["nm", "--defined-only", str(linked)], check=True, capture_output=True, text=True).stdout
    assert {"first", "second", "tcu_run"} <= {line.split()[-1] for line in names.splitlines()}


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["interrupt", "poll"])
def test_images_are_classified_on_the_rtl(tmp_path, cache_dir, trained_build, trained, images, mode):
    if mode == "poll":
        images = images[1:]  # the simulation answers some hundred thousand questions
    with SimulatedMachine(trained_build, cache_dir=cache_dir) as machine:
        told = run_host(machine, trained_build, tmp_path, images, mode)
    check_classified(told, tmp_path, trained, images, ["9", "2"][-len(images) :])


@pytest.mark.slow
def test_every_error_is_provoked_and_the_next_run_is_good(tmp_path, cache_dir, trained_build, small_build):
    with SimulatedMachine(trained_build, cache_dir=cache_dir) as machine:
        told = run_host(machine, small_build, tmp_path, np.zeros(1, np.float32), "errors")
    provoked = set()
    for what, number, *text in told:
        match what:
            case "set_up" | "run" | "start" | "soft_reset":
                assert number == "0", (what, text)
            case "address":
                assert number == "1", "the address is not that of the window"
            case "unknown":
                assert text[0] == "UNKNOWN:"
            case _:
                name = {"empty": "windows_empty", "wraps": "windows_wraps", "overlap": "windows_overlap"}.get(
                    what, what
                )
                assert text[0] == f"{name.upper()}:", (what, number, text)
                provoked.add(name.upper())
    table = Network.read(small_build).tables["results"]
    refusals = {text.split(":")[0] for value, text in table.items() if int(value) >= 256}
    assert refusals <= provoked
    # No program that a compiler makes stands still, and the served memory ends its bursts as it should.
    not_by_a_driver = {ErrorCode.NONE, ErrorCode.CORE_HUNG, ErrorCode.READ_LAST}
    assert {code.name for code in error_codes(parity=0) if code not in not_by_a_driver} <= provoked
