"""The file that backs the simulated memory."""

import dataclasses
import itertools

import numpy as np
import pytest

from tcugen.isa import Window
from tcugen.simulator import memory_image
from tests.simulator.copy_machine import copy_program, random_images


def all_areas(image: memory_image.MemoryImage) -> list[memory_image.Area]:
    return sorted([*image.shared.values(), *image.inputs, *image.outputs], key=lambda area: area.base)


def test_areas_are_page_aligned_and_apart(architecture):
    image = memory_image.place(copy_program(architecture, scratch_bytes=5000), 3)
    areas = all_areas(image)
    assert len(areas) == 9
    assert all(area.base % 4096 == 0 for area in areas)
    assert all(after.base - (before.base + before.size) >= 4096 for before, after in itertools.pairwise(areas))
    assert areas[0].base >= image.base + 4096
    assert areas[-1].base + areas[-1].size <= image.base + image.size


@pytest.mark.parametrize("bits, base", [(32, 0), (33, 0), (40, 1 << 32), (64, 1 << 32)])
def test_memory_lies_above_4_gib_where_addresses_reach(architecture, bits, base):
    program = copy_program(dataclasses.replace(architecture, bus_address_bits=bits))
    image = memory_image.place(program, 1)
    assert image.base == base
    assert image.base + image.size <= 1 << bits


def test_contents(architecture, tmp_path):
    program = copy_program(architecture)
    images = random_images(program, 2)
    image = memory_image.place(program, 2)
    path = tmp_path / "memory"
    memory_image.write(image, program, images, path)
    contents = np.fromfile(path, np.uint8)
    assert contents.size == image.size

    def at(area):
        return contents[area.base - image.base :][: area.size]

    assert at(image.shared[Window.PROGRAM]).tobytes() == program.code
    assert np.array_equal(at(image.shared[Window.WEIGHTS]), program.weights)
    for area, tensors in zip(image.inputs, images, strict=True):
        assert np.array_equal(at(area), program.inputs[0].layout.pack(tensors["image"]))
    assert not any(at(area).any() for area in image.outputs)


def test_outputs_come_back(architecture, tmp_path):
    program = copy_program(architecture)
    image = memory_image.place(program, 2)
    path = tmp_path / "memory"
    tensor = random_images(program, 1, seed=5)[0]["image"]
    with path.open("wb") as file:
        file.truncate(image.size)
        file.seek(image.outputs[1].base - image.base)
        file.write(program.outputs[0].layout.pack(tensor))
    assert np.array_equal(memory_image.read_outputs(image, program, 1, path)["copy"], tensor)
    assert not memory_image.read_outputs(image, program, 0, path)["copy"].any()
