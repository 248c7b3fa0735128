from __future__ import annotations

from dataclasses import FrozenInstanceError, asdict
from pathlib import Path

import pytest
import yaml

from schemas.config import Config, Limit, differences
from schemas.config_loading import load_config, load_training_config, parse_config
from schemas.errors import ConfigError
from schemas.recipes import RECIPES


def test_the_default_is_the_recipe_human5000() -> None:
    config = load_config()
    assert config.recipe == "human5000"
    assert config.screening["person_count"].min == 1
    assert config == load_config(recipe="human5000")


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_is_valid_and_named_after_itself(recipe: str) -> None:
    assert load_config(recipe=recipe).recipe == recipe
    assert parse_config(asdict(RECIPES[recipe])).digest() == RECIPES[recipe].digest()


def test_everything_rejects_nothing() -> None:
    config = load_config(recipe="everything")
    assert config.screening == {}
    assert config.near_duplicate_bits is None


def test_moving_ground_asks_for_motion_that_human5000_does_not() -> None:
    moving, human = load_config(recipe="moving-ground"), load_config()
    assert "background_motion" in set(moving.screening) - set(human.screening)


def test_a_setting_goes_over_the_file_and_the_file_over_the_recipe(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("recipe: moving-ground\nclips: {max_s: 8}\nscreening: {luminance: {min: 0.2}}\n")
    config = load_config(path, ("clips.max_s=6", "screening.luminance.max=0.5", "media.preset=slow"))
    assert (config.recipe, config.clips.max_s, config.media.preset) == ("moving-ground", 6.0, "slow")
    assert config.screening["luminance"] == Limit(min=0.2, max=0.5)
    assert config.screening["contrast"] == load_config(recipe="moving-ground").screening["contrast"]


def test_a_rule_is_switched_off_by_null() -> None:
    assert load_config(settings=("screening.sharpness.min=null",)).screening["sharpness"] == Limit()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("clip.max_s=6",), "clip: no such setting"),
        (("clips.longest=6",), "clips.longest: no such setting"),
        (("clips.min_s=-1",), "clips.min_s: Input should be greater than 0"),
        (("clips.max_s=3",), "clips.max_s must be at least twice"),
        (("screening.beauty.min=1",), "no score named beauty"),
        (("screening.luminance.least=1",), "least: no such setting"),
        (("pose.annotator=magic",), "pose.annotator: Input should be 'blazepose'"),
        (("recipe=cats",), "no recipe named 'cats'"),
        (("clips.max_s",), "write it as key.path=value"),
        (("=3",), "write it as key.path=value"),
        (("clips.max_s=[",), "the value is not YAML"),
        (("clips=3",), "clips: Input should be a dictionary"),
    ],
)
def test_a_mistake_is_named_with_its_key(settings: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(settings=settings)
    assert message in str(error.value)


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        parse_config({"clips": {"min_s": 0}, "media": {"crf": 99}})
    assert len(str(error.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [("- a\n- b\n", "a mapping of sections, not list"), ("a: [", "cannot read"), ("a: b: c", "cannot")],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_config(path)


def test_a_missing_file_is_named_and_an_empty_one_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        load_config(tmp_path / "nowhere.yaml")
    (tmp_path / "empty.yaml").touch()
    assert load_config(tmp_path / "empty.yaml") == load_config()


@pytest.mark.parametrize("word", ["no", "off", "false", "False"])
def test_no_is_a_word_where_a_word_is_asked_for_and_false_where_a_switch_is(word: str, tmp_path: Path) -> None:
    path = tmp_path / "stage.yaml"
    path.write_text(f"model: {{residual: {word}}}\noptimizer: {{precision: no}}\n")
    assert load_training_config(None, (f"model.residual={word}",)).model.residual is False
    assert load_training_config(None, ("optimizer.precision=no",)).optimizer.precision == "no"
    read = load_training_config(path)
    assert (read.model.residual, read.optimizer.precision) == (False, "no")


def test_a_configuration_survives_yaml_and_keeps_its_digest() -> None:
    config = load_config(recipe="moving-ground", settings=("clips.max_s=9.5",))
    again = parse_config(yaml.safe_load(yaml.safe_dump(asdict(config))))
    assert again == config
    assert again.digest() == config.digest()


def test_the_digest_changes_with_any_leaf_and_with_nothing_else() -> None:
    assert load_config(settings=("clips.max_s=10",)).digest() == load_config().digest()
    assert load_config(settings=("clips.max_s=10.5",)).digest() != load_config().digest()


def test_differences_name_the_leaf_and_both_values() -> None:
    old, new = load_config(), load_config(settings=("clips.max_s=8", "screening.face_visible.min=0.5"))
    assert differences(old, new) == ["clips.max_s: 10.0 -> 8.0", "screening.face_visible.min: None -> 0.5"]
    assert differences(old, old) == []


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Config().clips.max_s = 3  # type: ignore[misc]
