"""`tcugen import --partition`: a quantized model in parts for the unit and parts for ONNX Runtime on the host."""

from pathlib import Path

from rich.console import Console

from tcugen.commands.import_model import write_imported
from tcugen.console.outcome import UsageError
from tcugen.console.output_folder import check_replaceable, replacing
from tcugen.console.packages import require
from tcugen.report.partition_report import PartRow, part_table, refusal_lines, share_line


def import_partition(path: Path, output: Path | None, console: Console) -> Path:
    """Split the ONNX model at `path` into the folder `output` (default: the file's name without ending).

    The folder then holds, for each part on the unit, a folder as `tcugen import` writes it; for each on the host, an
    ONNX file; the whole model (`whole.onnx`) and `partition.json`, which says what is what, its marker.

    Raises:
        ModelError: If the model cannot be read, or nothing of it can run on the unit.
        UsageError: If the folder cannot be written, or a package is missing. Nothing is written in either case.
    """
    require("import --partition", "onnx", "onnxruntime")
    from tcugen.partition.split import split
    from tcugen.partition.written import write_host_files
    from tcugen.tflite.file import is_tflite

    if is_tflite(path):
        raise UsageError(
            f"{path} is a .tflite file, but ONNX Runtime, which runs the parts of the host, reads ONNX files only; "
            "leave out --partition, or convert the model to ONNX"
        )
    partition = split(path)
    folder = output or Path(partition.title)
    check_replaceable(folder, (path,))
    for line in partition.notes:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    for part in partition.parts:
        for line in part.imported.report.lines() if part.imported else ():
            if line not in partition.notes:
                console.print(f"{part.name}: {line}", highlight=False, markup=False, soft_wrap=True)
    rows: list[PartRow] = [
        {
            "name": part.name,
            "on": "unit" if part.imported else "host",
            "nodes": len(part.nodes),
            "multiplications": part.multiplications,
            "inputs": list(part.inputs),
            "outputs": list(part.outputs),
        }
        for part in partition.parts
    ]
    console.print(part_table(partition.title, rows))
    on_host = sum(row["nodes"] for row in rows if row["on"] == "host")
    for line in refusal_lines(partition.reasons, on_host):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    console.print(share_line(partition.host_share), highlight=False)
    with replacing(folder) as staging:
        for part in partition.parts:
            if part.imported:
                (staging / part.name).mkdir()
                write_imported(part.imported, staging / part.name)
        write_host_files(partition, staging)
    console.print(f"{partition.title}: {len(rows)} parts; written to {folder}", highlight=False, markup=False)
    return folder
