"""Small ONNX networks with the interfaces of DWPose's: a person detector, and 133 joints as SimCC vectors.

The detector boxes what is red and what is green. The joints are where random filters answer most in the crop.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from schemas.records import Frames
from tests.models.footage import frames_of

SIDE = 160
CROP_HEIGHT, CROP_WIDTH = 64, 48
RED, GREEN = (230, 20, 20), (20, 230, 20)


def save_detector(path: Path) -> Path:
    from onnx import TensorProto, helper, save

    nodes, boxes = [], []
    for person, (more, less) in enumerate(((2, 1), (1, 2))):  # BGR
        mask, row = f"mask{person}", f"row{person}"
        nodes += [
            helper.make_node("Gather", ["image", f"channel{more}"], [f"more{person}"], axis=1),
            helper.make_node("Gather", ["image", f"channel{less}"], [f"less{person}"], axis=1),
            helper.make_node("Sub", [f"more{person}", f"less{person}"], [f"diff{person}"]),
            helper.make_node("Greater", [f"diff{person}", "threshold"], [f"bool{person}"]),
            helper.make_node("Cast", [f"bool{person}"], [mask], to=TensorProto.FLOAT),
        ]
        ends = []
        for axis, name in ((2, "x"), (3, "y")):
            nodes.append(helper.make_node("ReduceMax", [mask], [f"{name}{person}"], axes=[axis], keepdims=0))
            for last in (0, 1):
                end = f"{name}{last}{person}"
                nodes.append(
                    helper.make_node("ArgMax", [f"{name}{person}"], [end], axis=2, keepdims=1, select_last_index=last)
                )
                nodes.append(helper.make_node("Cast", [end], [f"{end}f"], to=TensorProto.FLOAT))
                nodes.append(helper.make_node("Add", [f"{end}f", f"offset{last}"], [f"{end}e"]))
                ends.append(f"{end}e")
        nodes.append(helper.make_node("ReduceMax", [mask], [f"score{person}"], axes=[2, 3], keepdims=0))
        nodes.append(helper.make_node("Reshape", [f"score{person}", "one"], [f"score3{person}"]))
        ordered = [ends[0], ends[2], ends[1], ends[3], f"score3{person}"]
        nodes.append(helper.make_node("Concat", ordered, [row], axis=2))
        boxes.append(row)
    nodes.append(helper.make_node("Concat", boxes, ["dets"], axis=1))
    constants = [helper.make_tensor(f"channel{i}", TensorProto.INT64, [1], [i]) for i in (1, 2)]
    constants += [helper.make_tensor(f"offset{i}", TensorProto.FLOAT, [1], [float(i)]) for i in (0, 1)]
    constants += [helper.make_tensor("threshold", TensorProto.FLOAT, [1], [100.0])]
    constants += [helper.make_tensor("one", TensorProto.INT64, [3], [1, 1, 1])]
    graph = helper.make_graph(
        nodes,
        "detector",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("dets", TensorProto.FLOAT, [1, 2, 5])],
        constants,
    )
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
