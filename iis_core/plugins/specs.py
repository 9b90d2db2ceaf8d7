"""Specs: what a plugin offers, as data. Nothing here imports torch; targets are strings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

_NAME = re.compile(r"[a-z0-9][a-z0-9_.+-]*/[a-z0-9][a-z0-9_.+-]*")
_IMPORT_PATH = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What every offer has.

    Args:
        name: `namespace/variant`, lower case; the namespace is the plugin's entry-point name.
        summary: one line for lists.
        paper: where the method was published.
        licence: SPDX identifier of the code behind the target, where it differs from the plugin's; for a dataset, the
            terms of its images and masks, in words.

    Attributes:
        kind: the name of the type of spec, in the plural.
    """

    kind: ClassVar[str]
    name: str
    summary: str
    paper: str = ""
    licence: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name {self.name!r} is not of the form 'namespace/variant' in lower case")

    @property
    def namespace(self) -> str:
        return self.name.split("/")[0]

    @property
    def variant(self) -> str:
        return self.name.split("/")[1]


@dataclass(frozen=True, kw_only=True)
class FactorySpec(Spec):
    """An offer that is built by calling a factory.

    Args:
        target: `"package.module:callable"`, imported on first use; it takes explicit keywords, no `**kwargs`.
        defaults: keywords that the target is called with unless the caller gives others.
        check_keywords: keywords with which the conformance checks can build it offline.
        choices: the values that a keyword accepts, where they can be listed; `*` stands for anything. A single choice
            is fixed by the name.
        expected_failures: conformance checks that are known to fail, by name, and why; one that passes is a failure.
    """

    target: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    check_keywords: Mapping[str, Any] = field(default_factory=dict)
    choices: Mapping[str, Sequence[object]] = field(default_factory=dict)
    expected_failures: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_import_path(self.name, "target", self.target)
        for name in ("defaults", "check_keywords", "choices", "expected_failures"):
            if not isinstance(getattr(self, name), Mapping):
                raise ValueError(f"{self.name}: {name} must be a mapping, not {getattr(self, name)!r}")
        if not all(self.expected_failures.values()):
            raise ValueError(f"{self.name}: expected_failures must say why each check fails")


@dataclass(frozen=True, kw_only=True)
class Download:
    """A published file.

    Args:
        url: where it is.
        by_hand: the URL is a page that needs a browser; the file itself cannot be fetched.
        file: the name under which it is kept, by default the last part of the URL.
        size: number of bytes, where known.
        sha256: checksum in hexadecimal or its beginning, where known.
    """

    url: str
    by_hand: bool = False
    file: str = ""
    size: int | None = None
    sha256: str | None = None

    @property
    def file_name(self) -> str:
        return self.file or unquote(urlsplit(self.url).path).rsplit("/", 1)[-1]


@dataclass(frozen=True, kw_only=True)
class Weights(Download):
    """Published weights.

    Args:
        licence: their licence, or that it is unknown.
        hub: the repository of the Hugging Face hub that is fetched instead of a file, `owner/name`; `url` is its page.
    """

    licence: str
    hub: str = ""


@dataclass(frozen=True, kw_only=True)
class ModelSpec(FactorySpec):
    """A model.

    The target returns the model on the CPU, with random weights, and does nothing else; `load_model` does the rest. A
    model with weights holds them in its attribute `network`, an `nn.Module`, or is one itself.

    Args:
        config: the keywords of the target that determine the network, with their defaults. A model folder keeps them.
        complete: `"package.module:function"`, `(config, keywords) -> config`, for a config that names files or leaves
            out what has to be looked up; `keywords` are the caller's, and what it returns is what the target gets and a
            model folder keeps.
        convert: `"package.module:function"`, `(StoredWeights, config) -> StoredWeights`, from a published file to the
            parameter names and the config of this network.
        pretrained: keywords of the target that name other networks' weights to start from; they are refused unless
            `weights="random"`.
        has_weights: whether there are weights to load.
        weights: the published weights, None where none are published.
        trained_on: the data behind the published weights.
        results: published numbers, by dataset and metric: `{"grabcut": {"NoC@90": 1.68}}`.
        results_source: where they were published, if not in the paper.
        dataset_keywords: keywords for particular datasets, by dataset name; the caller's own come first.
        plain_keywords: keywords that switch off every test-time trick, so that the answer is the sigmoid of `logits`.
        min_size: the smallest image side it accepts, in pixels.
        size_multiple: image sides must be multiples of this.
        batches: it accepts more than one image at a time.
        exact_batches: the answer for an image does not depend, in any bit, on the others in its batch.
        several_points: it accepts more than one click of a sign per interaction.
        initial_mask: it makes use of an initial mask.
    """

    kind: ClassVar[str] = "models"
    config: Mapping[str, Any] = field(default_factory=dict)
    complete: str = ""
    convert: str = ""
    pretrained: Sequence[str] = ()
    has_weights: bool = True
    weights: Weights | None = None
    trained_on: str = ""
    results: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    results_source: str = ""
    dataset_keywords: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    plain_keywords: Mapping[str, Any] = field(default_factory=dict)
    min_size: int = 1
    size_multiple: int = 1
    batches: bool = True
    exact_batches: bool = False
    several_points: bool = True
    initial_mask: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("complete", "convert"):
            if getattr(self, name):
                _check_import_path(self.name, name, getattr(self, name))
        if not self.has_weights and (self.weights is not None or self.config or self.pretrained):
            raise ValueError(f"{self.name}: a model with has_weights=False has no weights, config or pretrained")


@dataclass(frozen=True, kw_only=True)
class RobotSpec(FactorySpec):
    """A robot.

    Args:
        several_points: it can give more than one click per interaction.
        in_error: every click lies where the prediction is wrong.
    """

    kind: ClassVar[str] = "robots"
    several_points: bool = False
    in_error: bool = True


@dataclass(frozen=True, kw_only=True)
class InitialRobotSpec(FactorySpec):
    """A robot that makes the first clicks."""

    kind: ClassVar[str] = "initial_robots"


@dataclass(frozen=True, kw_only=True)
class DatasetSpec(FactorySpec):
    """A dataset.

    Args:
        images: the published number of images, None where any number is right.
        objects: the published number of objects, None where any number is right.
        ignore: which pixels count nowhere, in words.
        layout: the folders and files expected under `root`, in words.
        page: where it is published.
        archive: what `iis data get` fetches; None where the files have to be obtained by hand.
    """

    kind: ClassVar[str] = "datasets"
    images: int | None = None
    objects: int | None = None
    ignore: str = "none"
    layout: str = ""
    page: str = ""
    archive: Download | None = None


@dataclass(frozen=True, kw_only=True)
class SelectorSpec(FactorySpec):
    """A region selector."""

    kind: ClassVar[str] = "selectors"


@dataclass(frozen=True, kw_only=True)
class ProtocolSpec(Spec):
    """An evaluation protocol: the exact rules under which numbers are comparable.

    Args:
        version: raised when a rule changes, so that old records are never taken for new ones.
        robot: catalog name of the robot.
        threshold: a pixel is predicted to be object where y > threshold, y in [0, 1].
        inclusive: the comparison is y >= threshold instead.
        max_clicks: the largest number of clicks per object.
        stop_iou: an object is done once its IoU is at least this; None for never.
        noc_at: the IoUs at which its papers report NoC.
        iou_at: the numbers of clicks after which its papers report the mean IoU.
        ignore: which pixels count nowhere, in words.
    """

    kind: ClassVar[str] = "protocols"
    version: int = 1
    robot: str
    threshold: float
    inclusive: bool
    max_clicks: int
    stop_iou: float | None
    noc_at: Sequence[float] = (0.85, 0.9)
    iou_at: Sequence[int] = ()
    ignore: str

    def __post_init__(self) -> None:
        super().__post_init__()
        numbers = {"threshold": (int, float), "max_clicks": (int,), "stop_iou": (int, float, type(None))}
        for rule, kinds in numbers.items():
            if not isinstance(getattr(self, rule), kinds):
                raise ValueError(f"{self.name}: {rule} {getattr(self, rule)!r} is not a number")


@dataclass(frozen=True, kw_only=True)
class CommandSpec(Spec):
    """A command of the command line: `lightning/train` is `iis train`.

    Args:
        target: `"package.module:command"`, a `click.Command`, imported when the command is used.
    """

    kind: ClassVar[str] = "commands"
    target: str

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_import_path(self.name, "target", self.target)


SPEC_TYPES: Mapping[str, type[Spec]] = {
    spec_type.kind: spec_type
    for spec_type in (ModelSpec, RobotSpec, InitialRobotSpec, DatasetSpec, SelectorSpec, ProtocolSpec, CommandSpec)
}
"""The types of specs by kind."""


def _check_import_path(spec: str, name: str, path: str) -> None:
    if not _IMPORT_PATH.fullmatch(path):
        raise ValueError(f"{spec}: {name} {path!r} is not of the form 'package.module:name'")
