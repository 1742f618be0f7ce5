"""Paths of modules in the names of ONNX nodes."""


def module_stack(name: str) -> dict[str, tuple[str, str]]:
    """The modules around a node, the outermost first, as `torch.export` has them: path and type by key.

    PyTorch's exporter writes `/layer1/layer1.0/conv1/Conv` of a convolution in `layer1.0.conv1`. Any other name is a
    module of its own.
    """
    if not name.startswith("/"):
        paths = [name]
    else:
        parts = [part for part in name.split("/") if part][:-1]
        paths = list[str]()
        for index, part in enumerate(parts):
            # A module inside a sequence repeats the sequence's name: layer1/layer1.0.
            inside = index and part.startswith(parts[index - 1] + ".")
            own = part[len(parts[index - 1]) + 1 :] if inside else part
            paths.append(f"{paths[-1]}.{own}" if paths else own)
    return {path: (path, "") for path in paths}
