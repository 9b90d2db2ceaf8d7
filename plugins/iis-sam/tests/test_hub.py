"""Weights from the Hugging Face hub: fetched only when asked for, resumed, explained where they are not to be had."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import huggingface_hub.constants
import pytest
import torch
from iis_sam import build_network
from iis_sam.configs import SMALL_CONFIGS

from iis_core import UserError, load_model
from iis_core.cli.main import cli
from iis_core.files.hub import find_in_hub_cache
from iis_core.plugins.catalog import find
from iis_core.plugins.specs import ModelSpec

COMMIT = "0" * 40


class Hub:
    """A hub on this machine: files by path, `owner/name/file`; `cut` ends the next answer after so many bytes."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.gated: set[str] = set()
        self.cut: int | None = None
        self.ranges: list[str] = []

    def answer(self, request: BaseHTTPRequestHandler, with_body: bool) -> None:
        owner, name, _, _, file = request.path.strip("/").split("/", 4)
        repository = f"{owner}/{name}"
        content = self.files.get(f"{repository}/{file}")
        if repository in self.gated:
            return self.refuse(request, 403, "GatedRepo")
        if content is None:
            is_known = any(path.startswith(f"{repository}/") for path in self.files)
            return self.refuse(request, 404, "EntryNotFound" if is_known else "RepoNotFound")
        start = int((request.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        if start:
            self.ranges.append(file)
        request.send_response(206 if start else 200)
        request.send_header("ETag", f'"{len(content)}"')
        request.send_header("X-Repo-Commit", COMMIT)
        request.send_header("Content-Length", str(len(content) - start))
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        request.end_headers()
        if with_body:
            cut, self.cut = (self.cut, None) if file.endswith("safetensors") else (None, self.cut)
            request.wfile.write(content[start:cut])
            request.close_connection = True
        return None

    def refuse(self, request: BaseHTTPRequestHandler, status: int, code: str) -> None:
        request.send_response(status)
        request.send_header("X-Error-Code", code)
        request.send_header("Content-Length", "0")
        request.end_headers()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    served = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            served.answer(self, with_body=False)

        def do_GET(self) -> None:
            served.answer(self, with_body=True)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    for constant, value in {
        "ENDPOINT": url,
        "HUGGINGFACE_CO_URL_TEMPLATE": url + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_CACHE": str(tmp_path / "hub"),
        "HF_HUB_OFFLINE": False,
    }.items():
        monkeypatch.setattr(huggingface_hub.constants, constant, value)
    monkeypatch.setenv("IIS_CONFIG", str(tmp_path / "none.toml"))
    yield served
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a small SAM as transformers saves it, and the network's parameters."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("repository")
    build_network(SMALL_CONFIGS["sam"]).save_pretrained(folder)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def publish(hub: Hub, repository: dict[str, bytes], name: str = "facebook/sam-vit-base") -> None:
    hub.files |= {f"{name}/{file}": content for file, content in repository.items()}


def run(*arguments: str) -> None:
    cli.main([*arguments], standalone_mode=False)


def test_published_weights_are_fetched_once_asked_for(
    hub: Hub, repository: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    publish(hub, repository)
    with pytest.raises(UserError, match=r"not at hand: run `iis weights sam/vit-b --get`"):
        load_model("sam/vit-b")
    run("weights", "sam/vit-b", "--get")
    folder = find_in_hub_cache("facebook/sam-vit-base")
    assert folder is not None
    assert f"here        {folder}" in capsys.readouterr().out
    hub.files.clear()
    model = load_model("sam/vit-b")
    assert model.origin.weights == str(folder)
    assert model.origin.config["network"]["vision_config"]["hidden_size"] == 32


def test_half_a_download_goes_on_where_it_stopped(
    hub: Hub, repository: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 10_000)
    publish(hub, repository)
    hub.cut = 100_000
    run("weights", "sam/vit-b", "--get")
    assert hub.ranges == ["model.safetensors"]
    assert load_model("sam/vit-b").origin.sha256


def test_half_a_download_is_not_at_hand(hub: Hub, repository: dict[str, bytes]) -> None:
    publish(hub, {"config.json": repository["config.json"]})
    with pytest.raises(UserError, match=r"facebook/sam-vit-base has no model\.safetensors: it holds no model as"):
        run("weights", "sam/vit-b", "--get")
    with pytest.raises(UserError, match="not at hand"):
        load_model("sam/vit-b")
    publish(hub, repository)
    run("weights", "sam/vit-b", "--get")


def test_another_repository_is_fetched_by_its_name(hub: Hub, repository: dict[str, bytes]) -> None:
    publish(hub, repository, "someone/fine-tuned")
    with pytest.raises(
        UserError, match=r"is no file or folder here; .*`iis weights sam/vit-b --get --from someone/fine"
    ):
        load_model("sam/vit-b", weights="someone/fine-tuned")
    run("weights", "sam/vit-b", "--get", "--from", "someone/fine-tuned")
    assert load_model("sam/vit-b", weights="someone/fine-tuned").origin.sha256


def test_what_is_something_else_is_told(hub: Hub, repository: dict[str, bytes]) -> None:
    publish(hub, {**repository, "config.json": json.dumps({"model_type": "bert"}).encode()}, "someone/bert")
    with pytest.raises(UserError, match="holds a model of type bert, none of the Segment Anything family"):
        run("weights", "sam/vit-b", "--get", "--from", "someone/bert")


def test_why_a_repository_is_not_to_be_had(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"the Hugging Face hub has no facebook/sam-vit-base, or keeps it private"):
        run("weights", "sam/vit-b", "--get")
    hub.gated.add("facebook/sam3")
    with pytest.raises(
        UserError, match=r"accept its licence: do so at https://huggingface\.co/facebook/sam3, log in by"
    ):
        run("weights", "sam/3", "--get")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"the Hugging Face hub is out of reach .*HF_HUB_OFFLINE is not set"):
        run("weights", "sam/vit-b", "--get")


def test_without_a_connection_it_is_out_of_reach(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # between tries
    nowhere = "http://127.0.0.1:9"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", nowhere)
    monkeypatch.setattr(
        huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", nowhere + "/{repo_id}/resolve/{revision}/{filename}"
    )
    with pytest.raises(UserError, match=r"the Hugging Face hub is out of reach"):
        run("weights", "sam/vit-b", "--get")


def test_licences_are_in_the_specs() -> None:
    assert find(ModelSpec, "sam/3").spec.weights.licence == "SAM License"
    assert find(ModelSpec, "sam/2.1-hiera-tiny").spec.weights.licence == "Apache-2.0"
