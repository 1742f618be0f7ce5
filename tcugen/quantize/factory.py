"""A PyTorch module from a Python file of the user's."""

import importlib.util
import sys
from pathlib import Path

from torch import nn

from tcugen.model.errors import ModelError


def module_from_file(argument: str) -> tuple[nn.Module, str]:
    """The module that `FILE.py:FACTORY` makes, and the file's name without ending for a name.

    The file is executed, and may import what lies beside it. The factory, a function or class, takes no arguments.

    Raises:
        ModelError: If there is no such file or factory, it fails or returns something else.
    """
    place, separator, factory = argument.rpartition(":")
    path = Path(place)
    if not separator or path.suffix != ".py" or not factory.isidentifier():
        raise ModelError(f"module {argument!r}: must be FILE.py:FACTORY; write for example network.py:build")
    if not path.is_file():
        raise ModelError(f"module {argument!r}: there is no file {path}; give the path of a Python file")
    name = path.stem
    spec = importlib.util.spec_from_file_location(f"tcugen_module_{name}", path)
    assert spec is not None and spec.loader is not None, "a file .py always has both"
    loaded = importlib.util.module_from_spec(spec)
    # Classes look up their own module by name.
    sys.modules[spec.name] = loaded
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        spec.loader.exec_module(loaded)
        if not hasattr(loaded, factory):
            raise ModelError(f"module {argument!r}: {path} defines no {factory}; name the function that makes it")
        module = getattr(loaded, factory)()
    except ModelError:
        raise
    except (Exception, SystemExit) as error:
        raise ModelError(
            f"module {argument!r}: running it fails with {type(error).__name__}: {error}; make it run without arguments"
        ) from error
    finally:
        sys.path.pop(0)
        del sys.modules[spec.name]
    if not isinstance(module, nn.Module):
        raise ModelError(
            f"module {argument!r}: returns a {type(module).__name__}, but must return a torch.nn.Module; call it in "
            "the factory"
        )
    return module, name
