"""The moving average of the weights."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from models.generator.training.ema import MovingAverage  # noqa: E402


def test_the_average_follows_its_formula():
    module = torch.nn.Linear(2, 1, bias=False)
    average, expected = MovingAverage(module, 0.5), module.weight.detach().clone()
    for step in range(1, 6):
        with torch.no_grad():
            module.weight.add_(1)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * module.weight.detach()
        average.update(module)
    torch.testing.assert_close(average.weights["weight"], expected)


def test_swapping_twice_changes_nothing_and_once_puts_the_average_in_place():
    module = torch.nn.Linear(3, 3)
    average = MovingAverage(module, 0.9)
    with torch.no_grad():
        module.weight.add_(1)
    trained, averaged = module.weight.detach().clone(), average.weights["weight"].clone()
    average.swap(module)
    assert torch.equal(module.weight, averaged)
    average.swap(module)
    assert torch.equal(module.weight, trained)
    assert torch.equal(average.weights["weight"], averaged)


def test_weights_that_do_not_learn_are_left_out():
    module = torch.nn.Linear(3, 3)
    module.bias.requires_grad_(False)
    assert set(MovingAverage(module, 0.9).weights) == {"weight"}


def test_a_saved_average_goes_on_as_it_was():
    module = torch.nn.Linear(3, 3)
    average = MovingAverage(module, 0.9)
    average.update(module)
    other = MovingAverage(torch.nn.Linear(3, 3), 0.9)
    other.load_state_dict({name: tensor.clone() for name, tensor in average.state_dict().items()})
    assert other.steps == 1
    assert all(torch.equal(other.weights[name], average.weights[name]) for name in average.weights)
