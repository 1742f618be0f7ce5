"""What `simulate` leaves to look at: a page with the timeline of the run, and waves with their views."""

import json
import re
from pathlib import Path

import pytest
from pywellen import Waveform  # pyright: ignore[reportAttributeAccessIssue]  # its names are those of compiled code

from tcugen.registers import BY_NAME
from tcugen.trace.vcd import sampled
from tests.typed import present

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def kept_simulators(pytestconfig):
    """Simulators stay from run to run, outside the user's cache: one is compiled again only when its inputs change."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_CACHE_HOME", str(pytestconfig.cache.mkdir("tcugen-commands")))
        yield


@pytest.fixture
def simulate(tcugen, reference_config, reference_build):
    def run(*arguments):
        return tcugen("simulate", "--layer-config", reference_config, "--rtl", reference_build, *arguments)

    return run


def test_the_page_shows_the_run(simulate, reference_build):
    result = simulate("--report", "page", "--json", "figures.json", "--images", 2)
    assert result.exit_code == 0, result.output
    content = json.loads(Path("page/report/page.json").read_text())
    figures = json.loads(Path("figures.json").read_text())
    assert Path("page/report.html").stat().st_size > 1_000_000
    assert content["kind"] == "simulation"
    assert content["simulated_cycles"] == figures["cycles_per_image"][-1]
    assert (content["images"], content["mismatches"]) == (2, 0)
    assert sum(layer["simulated_cycles"] for layer in content["layers"]) == content["simulated_cycles"]
    assert content["compared_elements"] == 2 * 874  # the output of every node but the fused one
    built = json.loads((reference_build / "report" / "page.json").read_text())
    assert content["parameters"] == built["parameters"]


def test_the_timeline_of_the_run_is_that_of_the_replay_but_for_a_few_cycles(simulate, reference_build):
    """Predicted and seen by different means: the replay knows no RTL, and the RTL no replay."""
    assert simulate("--report", "page").exit_code == 0
    seen = json.loads(Path("page/report/page.json").read_text())["timeline"]
    predicted = json.loads((reference_build / "report" / "page.json").read_text())["timeline"]
    assert [(span["unit"], span["layer"]) for span in seen] == [(span["unit"], span["layer"]) for span in predicted]
    assert max(span["end"] for span in seen) > 3000
    late = [run["start"] - replayed["start"] for run, replayed in zip(seen, predicted, strict=True)]
    assert late[0] == 0
    assert max(map(abs, late)) <= 4


def test_timeline_and_memory_map_end_with_the_run(simulate):
    """In the cycles that the machine counts: the start write, from which traces count, comes before them."""
    assert simulate("--report", "page").exit_code == 0
    content = json.loads(Path("page/report/page.json").read_text())
    for boxes in (content["timeline"], content["memory_map"]):
        assert content["simulated_cycles"] - 20 < max(box["end"] for box in boxes) <= content["simulated_cycles"]


def test_waves_hold_every_signal_of_both_views(simulate):
    result = simulate("--waves", "run.fst", "--cycles", "100:1099")
    assert result.exit_code == 0, result.output
    assert "waves of cycles 100 .. 1099 after the start" in result.stdout
    widths = {variable.full_name: variable.bitwidth for variable in Waveform("run.fst").all_vars()}
    view = Path("run.gtkw").read_text().splitlines()
    parts = [re.fullmatch(r"([^[]*)(?:\[(\d+):0\])?", line) for line in view if line.startswith("TOP.")]
    ranges = {part[1]: part[2] for part in map(present, parts)}
    shown = list(ranges)
    added = [line.split()[1] for line in Path("run.sucl").read_text().splitlines() if line.startswith("variable_add")]
    assert shown == added
    assert len(shown) > 40
    assert {name: widths.get(name) for name in shown} == {
        name: 1 if high is None else int(high) + 1 for name, high in ranges.items()
    }


def test_waves_as_vcd_have_the_window_that_was_asked_for(simulate):
    assert simulate("--waves", "run.vcd", "--cycles", "100:199").exit_code == 0
    times = [int(line[1:]) for line in Path("run.vcd").read_text().splitlines() if line.startswith("#")]
    assert (times[0], times[-1]) == (200, 399)


def test_waves_from_cycle_0_begin_with_the_write_that_starts_the_machine(simulate):
    assert simulate("--waves", "run.vcd", "--cycles", "0:59").exit_code == 0
    times = [int(line[1:]) for line in Path("run.vcd").read_text().splitlines() if line.startswith("#")]
    assert times == list(range(120))
    names = [f"TOP.tcu_top.{name}" for name in ("s_axil_awvalid", "s_axil_awready", "s_axil_awaddr", "s_axil_bvalid")]
    written = [time for time, value in sampled(Path("run.vcd"), names).items() if value[names[0]]]
    assert written == [0, 1]
    first = sampled(Path("run.vcd"), names)[0]
    assert (first[names[1]], first[names[2]]) == (1, BY_NAME["CONTROL"].address)


BAD = {
    "no format": (("--waves", "run.wav"), "--waves is run.wav, but its name must end in .fst or .vcd"),
    "no window": (("--waves", "run.fst", "--cycles", "5"), "--cycles is '5', but it must be FIRST:LAST"),
    "ends before it begins": (("--waves", "run.fst", "--cycles", "9:5"), "--cycles is '9:5'"),
    "window without waves": (("--cycles", "0:5"), "--cycles is '0:5', but there are no --waves"),
    "after the run": (("--waves", "run.fst", "--cycles", "9999:10000"), "begins after the run, which takes "),
}


@pytest.mark.parametrize("arguments, message", BAD.values(), ids=BAD)
def test_waves_that_cannot_be_are_refused(simulate, arguments, message):
    result = simulate(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert list(Path().iterdir()) == []
