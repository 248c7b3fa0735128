"""Small ONNX networks with the interfaces of DWPose's: a person detector, and 133 joints as SimCC vectors.

The detector boxes what is red and what is green. The joints are where random filters answer most in the crop.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from schemas.records import Frames
from tests.models.footage import frames_of

SIDE = 160
CROP_HEIGHT, CROP_WIDTH = 64, 48
CLASSES, PERSON, DOG = 80, 0, 16
"""Of COCO."""
RED, GREEN = (230, 20, 20), (20, 230, 20)


def save_detector(path: Path) -> Path:
    """One that has sorted out persons: rows of x0, y0, x1, y1, score."""
    from onnx import TensorProto, helper

    nodes, constants = _coloured()
    for person in (0, 1):
        row = [f"x0{person}", f"y0{person}", f"x1{person}", f"y1{person}", f"score{person}"]
        nodes.append(helper.make_node("Concat", row, [f"row{person}"], axis=2))
    nodes.append(helper.make_node("Concat", ["row0", "row1"], ["dets"], axis=1))
    out = helper.make_tensor_value_info("dets", TensorProto.FLOAT, [1, 2, 5])
    return _save(path, nodes, out, constants)


def save_detector_of_classes(path: Path, described: bool = True) -> Path:
    """YOLOX as it is published, for 80 classes: a row for every cell of three grids. What is green is a dog.

    described: the file says how many columns it gives.
    """
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants = _coloured()
    for found, name in ((0, PERSON), (1, DOG)):
        classes = np.zeros((1, 1, CLASSES), np.float32)
        classes[..., name] = 1.0
        constants.append(numpy_helper.from_array(classes, f"classes{found}"))
        for axis, cell in (("x", float(found)), ("y", 0.0)):
            constants.append(helper.make_tensor(f"cell_{axis}{found}", TensorProto.FLOAT, [1], [cell]))
            first, last = f"{axis}0{found}", f"{axis}1{found}"
            for made, kind, given in (
                (f"sum_{axis}{found}", "Add", [first, last]),
                (f"middle_{axis}{found}", "Div", [f"sum_{axis}{found}", "two_strides"]),
                (f"place_{axis}{found}", "Sub", [f"middle_{axis}{found}", f"cell_{axis}{found}"]),
                (f"length_{axis}{found}", "Sub", [last, first]),
                (f"cells_{axis}{found}", "Div", [f"length_{axis}{found}", "stride"]),
                (f"log_{axis}{found}", "Log", [f"cells_{axis}{found}"]),
            ):
                nodes.append(helper.make_node(kind, given, [made]))
        row = [f"{value}_{axis}{found}" for value in ("place", "log") for axis in ("x", "y")]
        nodes.append(helper.make_node("Concat", [*row, f"score{found}", f"classes{found}"], [f"row{found}"], axis=2))
    nodes.append(helper.make_node("Concat", ["row0", "row1", "nothing"], ["output"], axis=1))
    cells = sum((SIDE // stride) ** 2 for stride in (8, 16, 32))
    constants += [helper.make_tensor("stride", TensorProto.FLOAT, [1], [8.0])]
    constants += [helper.make_tensor("two_strides", TensorProto.FLOAT, [1], [16.0])]
    constants += [numpy_helper.from_array(np.zeros((1, cells - 2, 5 + CLASSES), np.float32), "nothing")]
    shape = [1, cells, 5 + CLASSES] if described else [1, "cells", "columns"]
    return _save(path, nodes, helper.make_tensor_value_info("output", TensorProto.FLOAT, shape), constants)


def _coloured() -> tuple[list, list]:
    """Nodes and constants for the box around what is red, x00 to y10, and around what is green, x01 to y11.

    Ends and scores: (1, 1, 1); px, and 1 if there is anything of the colour.
    """
    from onnx import TensorProto, helper

    nodes = []
    for found, (more, less) in enumerate(((2, 1), (1, 2))):  # BGR
        mask = f"mask{found}"
        nodes += [
            helper.make_node("Gather", ["image", f"channel{more}"], [f"more{found}"], axis=1),
            helper.make_node("Gather", ["image", f"channel{less}"], [f"less{found}"], axis=1),
            helper.make_node("Sub", [f"more{found}", f"less{found}"], [f"diff{found}"]),
            helper.make_node("Greater", [f"diff{found}", "threshold"], [f"bool{found}"]),
            helper.make_node("Cast", [f"bool{found}"], [mask], to=TensorProto.FLOAT),
        ]
        for axis, name in ((2, "x"), (3, "y")):
            nodes.append(helper.make_node("ReduceMax", [mask], [f"{name}{found}"], axes=[axis], keepdims=0))
            for last in (0, 1):
                end = f"{name}{last}{found}"
                nodes += [
                    helper.make_node(
                        "ArgMax", [f"{name}{found}"], [f"{end}i"], axis=2, keepdims=1, select_last_index=last
                    ),
                    helper.make_node("Cast", [f"{end}i"], [f"{end}f"], to=TensorProto.FLOAT),
                    helper.make_node("Add", [f"{end}f", f"offset{last}"], [end]),
                ]
        nodes.append(helper.make_node("ReduceMax", [mask], [f"any{found}"], axes=[2, 3], keepdims=0))
        nodes.append(helper.make_node("Reshape", [f"any{found}", "one"], [f"score{found}"]))
    constants = [helper.make_tensor(f"channel{i}", TensorProto.INT64, [1], [i]) for i in (1, 2)]
    constants += [helper.make_tensor(f"offset{i}", TensorProto.FLOAT, [1], [float(i)]) for i in (0, 1)]
    constants += [helper.make_tensor("threshold", TensorProto.FLOAT, [1], [100.0])]
    constants += [helper.make_tensor("one", TensorProto.INT64, [3], [1, 1, 1])]
    return nodes, constants


def _save(path: Path, nodes: list, out: Any, constants: list) -> Path:
    from onnx import TensorProto, helper, save

    picture = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    graph = helper.make_graph(nodes, "detector", [picture], [out], constants)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


def save_joints(path: Path, seed: int = 0) -> Path:
    from onnx import TensorProto, helper, numpy_helper, save

    rng = np.random.default_rng(seed)
    filters = rng.normal(0, 0.3, (133, 3, 5, 5)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["image", "filters"], ["maps"], pads=[2, 2, 2, 2]),
        helper.make_node("Sigmoid", ["maps"], ["heat"]),
    ]
    for axis, name, length in ((2, "x", CROP_WIDTH), (3, "y", CROP_HEIGHT)):
        nodes += [
            helper.make_node("ReduceMax", ["heat"], [f"line_{name}"], axes=[axis], keepdims=0),
            helper.make_node("Unsqueeze", [f"line_{name}", "last"], [f"thin_{name}"]),
            helper.make_node("Concat", [f"thin_{name}", f"thin_{name}"], [f"twice_{name}"], axis=3),
            helper.make_node("Reshape", [f"twice_{name}", f"shape_{name}"], [f"simcc_{name}"]),
        ]
        assert length
    constants = [
        numpy_helper.from_array(filters, "filters"),
        helper.make_tensor("last", TensorProto.INT64, [1], [3]),
        helper.make_tensor("shape_x", TensorProto.INT64, [3], [1, 133, 2 * CROP_WIDTH]),
        helper.make_tensor("shape_y", TensorProto.INT64, [3], [1, 133, 2 * CROP_HEIGHT]),
    ]
    graph = helper.make_graph(
        nodes,
        "joints",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, CROP_HEIGHT, CROP_WIDTH])],
        [
            helper.make_tensor_value_info("simcc_x", TensorProto.FLOAT, [1, 133, 2 * CROP_WIDTH]),
            helper.make_tensor_value_info("simcc_y", TensorProto.FLOAT, [1, 133, 2 * CROP_HEIGHT]),
        ],
        constants,
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


def dummy_video(at: list[list[tuple[float, float, float]]], height: int = 256, width: int = 320) -> Frames:
    """A red dummy at the first place of a frame, a green one at the second; (x, y, scale) each."""
    pictures = []
    for persons in at:
        picture = np.zeros((height, width, 3), np.uint8)
        for (x, y, scale), colour in zip(persons, (RED, GREEN), strict=False):
            for dx, dy, w, h in ((0, -40, 20, 20), (0, -5, 36, 48), (-10, 36, 12, 32), (10, 36, 12, 28)):
                corner = np.rint([x + (dx - w / 2) * scale, y + (dy - h / 2) * scale]).astype(int)
                size = np.rint([w * scale, h * scale]).astype(int)
                cv2.rectangle(picture, corner.tolist(), (corner + size).tolist(), colour, -1)
        pictures.append(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420))
    return frames_of(np.stack(pictures), Fraction(2))
