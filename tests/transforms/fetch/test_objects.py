from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.fetch import FetchConfig
from schemas.records import SourceReport
from tests.transforms.fetch.hostile_server import CONTENT, SHA256
from tests.transforms.fetch.test_fetcher import fetch
from transforms.fetch.fetcher import Fetched
from transforms.fetch.store import SourceStore, Validators

CONFIG = FetchConfig(attempts=2, wait_s=0.01, max_bytes=2**20)
_SERVER = """
from moto.server import ThreadedMotoServer
import logging, time
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-c", _SERVER], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    settings = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{process.stdout.readline().strip()}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        import boto3

        client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
        client.create_bucket(Bucket="videos")
        client.put_object(Bucket="videos", Key="a folder/v.mp4", Body=CONTENT)
        client.put_object(Bucket="videos", Key="page.mp4", Body=b"<html>this is a page</html>")
        client.put_object(Bucket="videos", Key="big.mp4", Body=bytes(2**20 + 1))
        yield "s3://videos"
    process.kill()
    process.wait()


@pytest.fixture
def store(tmp_path: Path) -> SourceStore:
    return SourceStore(tmp_path / "sources")


def test_an_object_is_copied_once(bucket: str, store: SourceStore) -> None:
    (fetched,) = fetch(store, f"{bucket}/a folder/v.mp4", config=CONFIG)
    assert isinstance(fetched, Fetched), fetched
    assert (fetched.source.uri, fetched.source.sha256) == ("s3://videos/a folder/v.mp4", SHA256)
    assert Path(fetched.source.file).read_bytes() == CONTENT


@pytest.mark.parametrize("stale", [False, True])
def test_a_copy_that_broke_off_goes_on_if_the_object_is_the_same(bucket: str, store: SourceStore, stale: bool) -> None:
    from obstore.fsspec import FsspecStore

    uri = f"{bucket}/a folder/v.mp4"
    tag = "another" if stale else FsspecStore("s3").info("videos/a folder/v.mp4")["e_tag"]
    part = store.part(uri)
    part.restart(Validators(tag), len(CONTENT))
    part.append(bytes(1000) if stale else CONTENT[:1000])
    part.close()
    (fetched,) = fetch(store, uri, config=CONFIG)
    assert isinstance(fetched, Fetched)
    assert fetched.source.sha256 == SHA256


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("none.mp4", "gone"),
        ("page.mp4", "not_video"),
        ("big.mp4", "too_large"),
        ("v.mp4?endpoint_override=169.254.169.254", "refused"),
        ("a::file:///etc/passwd", "refused"),
    ],
)
def test_other_objects_get_a_verdict(bucket: str, store: SourceStore, key: str, reason: str) -> None:
    (report,) = fetch(store, f"{bucket}/{key}", config=replace(CONFIG, attempts=1))
    assert isinstance(report, SourceReport)
    assert report.reason == reason, report
