"""Weights from a hub, a server, a mirror or the user's own files."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.weights import REGISTRY, locate
from models.weights.licences import first_use_notices
from models.weights.origins import HubFile
from models.weights.research import RESEARCH_FILES
from models.weights.store import cached_path
from models.weights.weight_file import WeightFile
from schemas.errors import WeightsError
from tests.command_line import figureground
from tests.models.weights.servers import Hub, serving

CONTENT = np.random.default_rng(0).bytes(300_000)
PATH = "/maker/net/resolve/abc123/net.bin"


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIGUREGROUND_CACHE", str(tmp_path / "cache"))
    for name in ("FIGUREGROUND_MIRROR", "FIGUREGROUND_HUB", "FIGUREGROUND_OFFLINE", "FIGUREGROUND_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def on_hub(monkeypatch: pytest.MonkeyPatch, hub: Hub, content: bytes = CONTENT, **changes: Any) -> WeightFile:
    known: dict[str, Any] = {"size_bytes": len(content), "licence": "MIT", "purpose": "A net"}
    digest = hashlib.sha256(content).hexdigest()
    file = WeightFile(
        **{"name": "net", "origin": HubFile("maker/net", "abc123", "net.bin"), "sha256": digest} | known | changes
    )
    monkeypatch.setitem(REGISTRY, "net", file)
    monkeypatch.setenv("FIGUREGROUND_HUB", hub.url)
    return file


def test_a_file_is_fetched_from_its_repository_at_its_revision_and_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int | None]] = []
    with serving(Hub({PATH: CONTENT})) as hub:
        on_hub(monkeypatch, hub)
        path = locate("net", lambda *arrived: told.append(arrived))
        assert locate("net") == path
    assert path.read_bytes() == CONTENT
    assert hub.asked == [(PATH, None)]
    assert told[-1] == (len(CONTENT), len(CONTENT))


def test_a_download_that_is_cut_off_goes_on_where_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Hub({PATH: CONTENT}, cut_at=[100_000, 50_000])) as hub:
        on_hub(monkeypatch, hub)
        assert locate("net").read_bytes() == CONTENT
    assert hub.asked == [(PATH, None), (PATH, "bytes=100000-"), (PATH, "bytes=150000-")]


def test_a_later_run_goes_on_with_what_an_earlier_one_left(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Hub({PATH: CONTENT}, cut_at=[120_000] + [0] * 9)) as hub:
        on_hub(monkeypatch, hub)
        with pytest.raises(WeightsError, match="What arrived is kept"):
            locate("net")
        hub.cut_at.clear()
        assert locate("net").read_bytes() == CONTENT
    assert hub.asked[-1] == (PATH, "bytes=120000-")


def test_a_server_that_cannot_begin_in_the_middle_sends_it_all_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Hub({PATH: CONTENT}, cut_at=[100_000], ranges=False)) as hub:
        on_hub(monkeypatch, hub)
        assert locate("net").read_bytes() == CONTENT


def test_a_file_with_another_digest_is_never_used_nor_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Hub({PATH: CONTENT[:-1] + b"?"})) as hub:
        file = on_hub(monkeypatch, hub)
        with pytest.raises(WeightsError, match="does not match its sha256"):
            locate("net")
    folder = cached_path(file).parent
    assert [p for p in folder.iterdir() if p.suffix != ".lock"] == []


def test_a_file_that_the_hub_lacks_is_an_error_that_says_where_to_put_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Hub({})) as hub:
        file = on_hub(monkeypatch, hub)
        with pytest.raises(WeightsError, match="404") as caught:
            locate("net")
    assert str(cached_path(file)) in str(caught.value)


def test_offline_nothing_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Hub({PATH: CONTENT})) as hub:
        on_hub(monkeypatch, hub)
        monkeypatch.setenv("FIGUREGROUND_OFFLINE", "1")
        with pytest.raises(WeightsError, match="FIGUREGROUND_OFFLINE"):
            locate("net")
    assert hub.asked == []


def test_a_mirror_folder_serves_offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = on_hub(monkeypatch, Hub({}))
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / file.cached_name).write_bytes(CONTENT)
    monkeypatch.setenv("FIGUREGROUND_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setenv("FIGUREGROUND_OFFLINE", "1")
    assert locate("net").read_bytes() == CONTENT
    assert (tmp_path / "mirror" / file.cached_name).exists()


def test_a_mirror_on_the_net_is_asked_before_the_hub_and_need_not_have_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving(Hub({PATH: CONTENT})) as hub, serving(Hub({})) as mirror:
        file = on_hub(monkeypatch, hub)
        monkeypatch.setenv("FIGUREGROUND_MIRROR", mirror.url)
        assert locate("net").read_bytes() == CONTENT
        assert mirror.asked == [(f"/{file.cached_name}", None)]
        cached_path(file).unlink()
        mirror.files[f"/{file.cached_name}"] = CONTENT
        locate("net")
    assert len(hub.asked) == 1


def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *entries: dict[str, Any]) -> None:
    (tmp_path / "own.json").write_text(json.dumps(entries))
    monkeypatch.setenv("FIGUREGROUND_WEIGHTS", str(tmp_path / "own.json"))


def test_the_users_own_file_is_used_where_it_lies_if_it_matches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.bin").write_bytes(CONTENT)
    digest = hashlib.sha256(CONTENT).hexdigest()
    entry = {"name": "mine", "path": "mine.bin", "sha256": digest, "licence": "MIT", "purpose": "Mine"}
    own(tmp_path, monkeypatch, entry)
    assert locate("mine") == tmp_path / "mine.bin"
    (tmp_path / "mine.bin").write_bytes(CONTENT + b"?")
    with pytest.raises(WeightsError, match="is not the pinned mine"):
        locate("mine")
    (tmp_path / "mine.bin").unlink()
    with pytest.raises(WeightsError, match=r"mine\.bin.*no such file"):
        locate("mine")


def test_a_file_nobody_pinned_is_not_loaded_until_the_user_pins_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(WeightsError, match="FIGUREGROUND_WEIGHTS"):
        locate("i3d_kinetics400")
    (tmp_path / "i3d.pt").write_bytes(CONTENT)
    digest = hashlib.sha256(CONTENT).hexdigest()
    own(tmp_path, monkeypatch, {"name": "i3d_kinetics400", "path": "i3d.pt", "sha256": digest})
    assert locate("i3d_kinetics400").read_bytes() == CONTENT


def test_every_file_of_the_annotators_is_pinned_to_a_digest_and_those_of_a_hub_to_a_commit() -> None:
    assert {len(bytes.fromhex(file.sha256)) for file in RESEARCH_FILES} == {32}
    revisions = {file.origin.revision for file in RESEARCH_FILES if isinstance(file.origin, HubFile)}
    assert {len(bytes.fromhex(revision)) for revision in revisions} == {20}


@pytest.mark.parametrize(
    "text", ["{", '[{"name": "x"}]', '[{"name": "x", "sha256": "12", "path": "x", "licence": "", "purpose": ""}]']
)
def test_a_list_that_is_none_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "own.json").write_text(text)
    monkeypatch.setenv("FIGUREGROUND_WEIGHTS", str(tmp_path / "own.json"))
    with pytest.raises(WeightsError, match=r"own\.json is no list of weights"):
        locate("mine")


def test_the_licence_is_told_once_and_says_what_is_not_allowed() -> None:
    (notice,) = first_use_notices(["pose_detection.tflite", "cotracker3_online"])
    assert "CC-BY-NC-4.0" in notice and "commercial" in notice
    assert list(first_use_notices(["cotracker3_online"])) == []


def test_the_command_line_fetches_by_name_and_tells_the_licence(tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    entry = {"name": "mine", "url": "http://127.0.0.1:9/x", "licence": "MIT", "purpose": "Mine"}
    entry["sha256"] = hashlib.sha256(CONTENT).hexdigest()
    (tmp_path / "own.json").write_text(json.dumps([entry]))
    (tmp_path / "mirror" / f"{entry['sha256'][:16]}-mine").write_bytes(CONTENT)
    where = {"FIGUREGROUND_WEIGHTS": str(tmp_path / "own.json"), "FIGUREGROUND_MIRROR": str(tmp_path / "mirror")}
    run = figureground("weights", "fetch", "mine", check=True, **where)
    assert Path(run.stdout.strip()).read_bytes() == CONTENT
    assert "Licence: MIT" in run.stderr
    assert "mine" in figureground("weights", "list", check=True, **where).stdout


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("this must never run",))


class TestReadingTensors:
    @pytest.fixture(autouse=True)
    def _torch(self) -> None:
        pytest.importorskip("torch")

    def put(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, publisher: str = "") -> None:
        (tmp_path / "net").write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        entry = {"name": "net", "path": "net", "sha256": digest, "licence": "MIT", "purpose": "A net"}
        own(tmp_path, monkeypatch, entry)
        if publisher:
            file = on_hub(monkeypatch, Hub({}), content, publisher=publisher)
            monkeypatch.delenv("FIGUREGROUND_WEIGHTS")
            cached_path(file).parent.mkdir(parents=True)
            cached_path(file).write_bytes(content)

    def test_safetensors_of_anybody_are_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import torch
        from safetensors.torch import save

        from models.weights.states import read_state

        self.put(tmp_path, monkeypatch, save({"a.weight": torch.arange(3.0)}))
        assert read_state("net")["a.weight"].tolist() == [0, 1, 2]

    def test_a_pickle_of_an_unknown_publisher_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import torch

        from models.weights.states import read_state

        torch.save({"a": torch.ones(2)}, tmp_path / "saved.pth")
        self.put(tmp_path, monkeypatch, (tmp_path / "saved.pth").read_bytes())
        with pytest.raises(WeightsError, match="convert it with safetensors"):
            read_state("net")

    def test_a_pinned_pickle_of_a_known_publisher_is_read_for_its_tensors_alone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        import torch

        from models.weights.states import read_state

        torch.save({"a": torch.ones(2)}, tmp_path / "saved.pth")
        self.put(tmp_path, monkeypatch, (tmp_path / "saved.pth").read_bytes(), publisher="known")
        assert read_state("net")["a"].tolist() == [1, 1]
        cached_path(REGISTRY["net"]).parent.rename(tmp_path / "old")
        self.put(tmp_path, monkeypatch, pickle.dumps(Hostile()), publisher="known")
        with pytest.raises(WeightsError, match="cannot be read as weights"):
            read_state("net")
        assert "never run" not in capsys.readouterr().out
