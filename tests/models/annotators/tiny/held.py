"""What an annotator holds in memory that must not outlive it."""

from __future__ import annotations

import gc
import sys
import types
from typing import Any

_NOT_OURS = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.FrameType)


def networks_of(annotator: Any) -> list[Any]:
    """Every torch module, ONNX session and LiteRT interpreter that can be reached from it."""
    kinds = tuple(
        getattr(sys.modules[module], name)
        for module, name in (
            ("torch.nn", "Module"),
            ("onnxruntime", "InferenceSession"),
            ("ai_edge_litert.interpreter", "Interpreter"),
        )
        if module in sys.modules
    )
    found, seen, ahead = [], {id(annotator)}, [annotator]
    while ahead:
        thing = ahead.pop()
        if isinstance(thing, kinds):
            found.append(thing)
        for other in gc.get_referents(thing):
            if id(other) not in seen and not isinstance(other, _NOT_OURS):
                seen.add(id(other))
                ahead.append(other)
    return found
