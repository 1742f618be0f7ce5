"""One run of Yosys on some files, whose folder is kept by the hash of all that it is made of."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tcugen.fpga.tools import Report, Tool, run

_SCRIPT, _LOG = "synthesise.ys", "yosys.log"


def kept_netlist(
    name: str,
    title: str,
    script: str,
    sources: Mapping[str, bytes],
    netlist: str,
    yosys: Tool,
    cache_dir: Path,
    timeout_seconds: float,
    report: Report,
    announce: Callable[[str], None],
) -> Path:
    """The folder in which Yosys ran `script`, from the cache if it is there; its log is in it.

    Args:
        name: Of the cells; part of the folder's name.
        title: What Yosys does, for the line that is announced.
        script: Commands; the last thing that they write is `netlist`.
        sources: Files that they read.
        netlist: Name of the file without which a folder is none.
        yosys: What runs it.
        cache_dir: Where such folders are kept.
        timeout_seconds: For Yosys.
        report: Takes what Yosys is at.
        announce: Takes one line before Yosys starts.

    Raises:
        SynthesisError: If Yosys fails or takes too long.
    """
    key = hashlib.sha256()
    for part in (script.encode(), yosys.identity.encode(), *sources.values()):
        key.update(hashlib.sha256(part).digest())
    folder = cache_dir / f"netlist-{name}-{key.hexdigest()[:24]}"
    if (folder / netlist).exists():
        return folder
    announce(f"{yosys.identity}: {title}, minutes for a larger machine")
    if yosys.compiles_first:
        announce(f"{yosys.identity} is WebAssembly: its first call compiles it, which takes a minute or more")
    cache_dir.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".netlist.", dir=cache_dir))
    try:
        for file, content in sources.items():
            (work / file).write_bytes(content)
        (work / _SCRIPT).write_text(script)
        run(yosys, ["-s", _SCRIPT], work, work / _LOG, timeout_seconds, report)
        if not folder.exists():  # another process may have been first
            work.replace(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder
