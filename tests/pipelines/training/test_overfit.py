"""Training can learn one clip by heart."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("accelerate", reason="training needs accelerate")

from models.generator.training.draws import step_generator  # noqa: E402
from models.generator.training.sampling import noise_for, sample_clip  # noqa: E402
from pipelines.training.feeds import Fed  # noqa: E402
from pipelines.training.prepare import prepare_window  # noqa: E402
from pipelines.training.sources import SyntheticSource  # noqa: E402
from tests.pipelines.training.tiny_stage import run, stage  # noqa: E402

SIZE, FRAMES = 32, 4


@pytest.mark.slow
@pytest.mark.parametrize("condition", ["repeat", "warped-last12"])
def test_one_clip_is_learnt_to_more_than_30_db(tmp_path, condition):
    (clip,) = prepare_window(next(SyntheticSource(11, SIZE, FRAMES).batches(1, 1, 0)))
    fed = Fed(clip, clip.frames_BT3HW[:, 0])

    class Same:
        def fed(self, step, generator):
            return fed

    config = stage(
        "steps=700", f"model.condition={condition}", f"data.size={SIZE}", f"data.frames={FRAMES}", "log_every=100",
        "model.widths=[16, 32, 32]", "optimizer.learning_rate=0.004", "optimizer.decay_steps=400", "optimizer.ema=0.9",
        "disturb.condition_noise=0", "disturb.drop_condition=0", "checkpoint_every=1000",
    )  # fmt: skip
    trained = run(tmp_path, replace(config), Same())
    pipeline = trained.pipeline
    for steps in (1, 6):
        made = sample_clip(pipeline, clip, fed.last_B3HW, steps, noise_for(pipeline, clip, step_generator(0, 0)))
        psnr = -10 * (made - clip.frames_BT3HW).square().mean().log10()
        assert psnr > 30, f"{steps} steps: {psnr:.1f} dB"
