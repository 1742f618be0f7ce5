"""What a build knows of its numbers comes from the model, and class names from a file."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tcugen.driver.header import header
from tcugen.driver.quantization import quantization_of
from tcugen.model.errors import ModelError
from tcugen.model.file_form import FileForm
from tcugen.program import Program
from tests.commands.conftest import call
from tests.driver.conftest import CLASSES, EXAMPLE


def test_scales_and_zero_points_are_the_models(trained_build, trained):
    numbers = json.loads((trained_build / "program" / "quantization.json").read_text())
    (image,), (classes,) = numbers["inputs"], numbers["outputs"]
    assert np.float32(image["scale"]) == np.float32(1 / 255) and image["zero_point"] == -128
    integers = trained.integers_of(trained.network.by_name["fc"])
    scale = np.float64(trained.scale("avgpool")) * integers.weight_scale
    assert classes["sum_scales"] == scale.tolist() and classes["scale"] is None
    assert numbers["classes"] == list(CLASSES) and not numbers["placeholder"]


def test_limits_and_kinds_of_the_models_file_are_kept(trained):
    forms = {"image": FileForm("uint8"), "fc": FileForm(limits=(0.0, np.inf))}
    numbers = quantization_of(replace(trained, forms=forms))
    assert numbers["inputs"][0]["kind"] == "uint8"
    assert numbers["outputs"][0]["limits"] == (0.0, None)


def test_a_build_without_a_model_says_so():
    # What another test compares with a build made anew.
    build = Path(__file__).parents[2] / "rtl_out" / "reference"
    assert json.loads((build / "program" / "quantization.json").read_text())["placeholder"]
    text = (build / "driver" / "tcu.h").read_text()
    assert "#define TCU_IS_PLACEHOLDER 1\n" in text and "#define TCU_CLASS_COUNT 0u\n" in text


def test_any_text_is_a_c_string(trained_build, trained):
    names = ['"quotes"', "back\\slash", "*/", "Käse", "what??/", *"fghij"]
    text = header(Program.read(trained_build / "program"), quantization_of(trained, classes=names))
    assert r'"\042quotes\042"' in text and r'"back\134slash"' in text and r'"K\303\244se"' in text
    assert text.isascii() and "??" not in text


@pytest.mark.parametrize(
    "content, message",
    [
        (b"one\ntwo\n", "there are 2 class names, but output 'fc' has 10 channels; give one name per channel"),
        (b"\xff\xfe", "cannot be read (it is not UTF-8); give a text file, one name a line"),
        (None, "cannot be read (No such file or directory); give a text file, one name a line"),
    ],
)
def test_class_names_that_cannot_be_are_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / "classes.txt").write_bytes(content)
    model = EXAMPLE / "resnet20_int8.npz"
    result = call("build", "--model", model, "--classes", tmp_path / "classes.txt", "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert message in result.stderr and len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_the_number_of_class_names_is_checked_against_the_first_output(trained):
    with pytest.raises(ModelError, match="there are 3 class names"):
        quantization_of(trained, classes=["a", "b", "c"])
