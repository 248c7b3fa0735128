"""The check that a network uses its conditions."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from models.generator.training.trainee import Trainee  # noqa: E402
from models.generator.training.use import condition_use, require_used  # noqa: E402
from schemas.errors import GenerationError  # noqa: E402
from tests.models.generator.training.squares import learn, objective, squares, tiny  # noqa: E402


@pytest.fixture(scope="module")
def learnt():
    pipeline = tiny()
    learn(pipeline, 50)
    return pipeline


def test_a_network_that_learnt_from_the_pose_passes(learnt):
    uses = condition_use(objective(learnt), Trainee(learnt), *squares(1000, batch=8))
    require_used(uses, ("pose",))
    assert uses["pose"] > 0.2


def test_a_network_whose_encoders_are_zeroed_fails(learnt):
    unet = learnt.unet
    weights = {name: tensor.clone() for name, tensor in unet.state_dict().items()}
    with torch.no_grad():
        for encoder in (unet.foreground_encoder, unet.background_encoder):
            for parameter in encoder.parameters():
                parameter.zero_()
        uses = condition_use(objective(learnt), Trainee(learnt), *squares(1000, batch=8))
        unet.load_state_dict(weights)
    with pytest.raises(GenerationError, match=r"ignores its conditions: another clip's pose .* points"):
        require_used(uses, ("pose", "points"))


def test_a_condition_that_tells_nothing_counts_as_ignored(learnt):
    uses = condition_use(objective(learnt), Trainee(learnt), *squares(1000, batch=8))
    with pytest.raises(GenerationError, match="points"):
        require_used(uses, ("pose", "points"))
