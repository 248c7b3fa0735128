from __future__ import annotations

import multiprocessing
import zipfile
from pathlib import Path

import pytest

from models.weights import REGISTRY, fetch, locate, verify
from models.weights.origins import WheelMember
from models.weights.store import WeightState, cached_path
from models.weights.wheels import wheel_folder, wheel_members
from schemas.errors import WeightsError

NAME = "selfie_segmentation.tflite"


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIGUREGROUND_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")


def put_wheel(distribution: str, version: str, members: dict[str, bytes]) -> None:
    folder = wheel_folder(distribution, version)
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / f"{distribution}-{version}-py3-none-any.whl", "w") as wheel:
        for name, content in members.items():
            wheel.writestr(name, content)


def test_every_embedded_file_is_fetched_and_matches_its_digest() -> None:
    said: list[tuple[str, int, int]] = []

    paths = fetch(progress=lambda *told: said.append(told))

    embedded = {name: file for name, file in REGISTRY.items() if file.embedded}
    assert [path.stat().st_size for path in paths] == [file.size_bytes for file in embedded.values()]
    assert dict(verify()).items() >= dict.fromkeys(embedded, WeightState.OK).items()
    assert said[-1][1:] == (len(embedded), len(embedded))


def test_an_absent_file_is_reported_missing(empty_cache: Path) -> None:
    assert verify() == [(name, WeightState.MISSING) for name in REGISTRY]


def test_a_changed_file_is_refused_even_at_the_right_size(empty_cache: Path) -> None:
    content = bytearray(_real_bytes(NAME))
    content[1000] ^= 1
    target = cached_path(REGISTRY[NAME])
    target.parent.mkdir(parents=True)
    target.write_bytes(content)

    with pytest.raises(WeightsError, match="delete it and fetch it again"):
        locate(NAME)
    assert dict(verify())[NAME] is WeightState.MISMATCH


def test_a_file_changed_after_its_first_use_is_refused(empty_cache: Path) -> None:
    target = cached_path(REGISTRY[NAME])
    target.parent.mkdir(parents=True)
    target.write_bytes(_real_bytes(NAME))
    assert locate(NAME) == target

    target.write_bytes(b"\0" * REGISTRY[NAME].size_bytes)
    with pytest.raises(WeightsError):
        locate(NAME)


def test_a_wheel_with_other_content_is_refused_and_leaves_nothing_behind(empty_cache: Path) -> None:
    file = REGISTRY[NAME]
    assert isinstance(file.origin, WheelMember)
    put_wheel(file.origin.distribution, file.origin.version, {file.origin.member: b"not the network"})

    with pytest.raises(WeightsError, match="does not match its sha256"):
        locate(NAME)
    assert not cached_path(file).exists()


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(WeightsError, match=NAME):
        locate("no_such_weights")


@pytest.mark.usefixtures("offline")
def test_offline_the_error_says_where_to_put_the_file(empty_cache: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        locate(NAME)
    assert str(cached_path(REGISTRY[NAME])) in str(caught.value)
    assert REGISTRY[NAME].sha256 in str(caught.value)


@pytest.mark.usefixtures("offline")
def test_a_wheel_put_into_the_cache_by_hand_is_used(empty_cache: Path) -> None:
    put_wheel("handmade", "1.0", {"data/a.bin": b"a", "data/b.bin": b"b"})

    paths = wheel_members("handmade", "1.0", ["data/a.bin", "data/b.bin"])

    assert {name: path.read_bytes() for name, path in paths.items()} == {"data/a.bin": b"a", "data/b.bin": b"b"}


def test_a_member_that_the_wheel_lacks_is_named(empty_cache: Path) -> None:
    put_wheel("handmade", "1.0", {"a.bin": b"a"})
    with pytest.raises(WeightsError, match=r"holds no b\.bin"):
        wheel_members("handmade", "1.0", ["b.bin"])


def test_processes_that_fetch_at_the_same_time_all_get_the_whole_file(empty_cache: Path) -> None:
    put_wheel("handmade", "1.0", {"big.bin": bytes(3_000_000)})
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        sizes = pool.map(_size_of_member, range(6))
    assert sizes == [3_000_000] * 6
    assert [p.name for p in wheel_folder("handmade", "1.0").glob(".*")] == []


def _size_of_member(_: int) -> int:
    return wheel_members("handmade", "1.0", ["big.bin"])["big.bin"].stat().st_size


def _real_bytes(name: str) -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("FIGUREGROUND_CACHE")
        return locate(name).read_bytes()
