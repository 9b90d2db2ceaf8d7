"""What the core itself offers, through the same hooks as every plugin."""

from __future__ import annotations

from collections.abc import Iterator

from iis_core.plugins import CommandSpec, InitialRobotSpec, ProtocolSpec, RobotSpec, SelectorSpec, hookimpl

IIS_API = 1

_RITM_PAPER = "Sofiiuk, Petrov, Konushin 2021, Reviving Iterative Training with Mask Guidance"
_RCLICKS_PAPER = "Antonov et al. 2024, RClicks: Realistic Click Simulation for Benchmarking Interactive Segmentation"
_FOCALCLICK_PAPER = "Chen et al. 2022, FocalClick: Towards Practical Interactive Image Segmentation"
_SEGNEXT_PAPER = (
    "Liu et al. 2024, Rethinking Interactive Image Segmentation with Low Latency, High Quality, and Diversity"
)
_GTO99_PAPER = "Forte, Price, Cohen, Xu, Pitié 2020, Getting to 99% Accuracy in Interactive Segmentation"


@hookimpl
def iis_robots() -> Iterator[RobotSpec]:
    yield RobotSpec(
        name="core/ritm",
        target="iis_core.robots.ritm:RitmRobot",
        summary="the pixel farthest from the border of the false negatives or false positives",
        paper=_RITM_PAPER,
    )
    yield RobotSpec(
        name="core/gto99",
        target="iis_core.robots.gto99:Gto99Robot",
        summary="the centre of the largest connected error region of either kind",
        paper=_GTO99_PAPER,
    )
    yield RobotSpec(
        name="core/ritm-train",
        target="iis_core.robots.ritm:RitmTrainRobot",
        summary="at random in the inner part of the deeper error map, as in RITM's training",
        paper=_RITM_PAPER,
    )
    yield RobotSpec(
        name="core/random",
        target="iis_core.robots.random:RandomRobot",
        summary="anywhere, right or wrong",
        several_points=True,
        in_error=False,
    )
    yield RobotSpec(
        name="core/random-error",
        target="iis_core.robots.random:RandomErrorRobot",
        summary="anywhere in the error",
        several_points=True,
    )
    yield RobotSpec(
        name="core/random-largest-error",
        target="iis_core.robots.random:RandomLargestErrorRobot",
        summary="anywhere in the largest connected error region",
        several_points=True,
    )
    yield RobotSpec(
        name="core/distance-error",
        target="iis_core.robots.distance:DistanceErrorRobot",
        summary="in the error, in proportion to the distance to its border",
        several_points=True,
    )
    yield RobotSpec(
        name="core/distance-error-sequential",
        target="iis_core.robots.distance:DistanceErrorSequentialRobot",
        summary="as distance-error, each point after taking the last out of the error",
        several_points=True,
    )
    yield RobotSpec(
        name="core/mix",
        target="iis_core.robots.mix:MixRobot",
        summary="one of several robots, drawn by weight for every element and interaction",
        check_keywords={"robots": {"core/ritm": 1, "core/random-error": 2}},
    )


@hookimpl
def iis_initial_robots() -> Iterator[InitialRobotSpec]:
    yield InitialRobotSpec(name="core/none", target="iis_core.robots.initial:NoInitialRobot", summary="no click")
    yield InitialRobotSpec(name="core/random", target="iis_core.robots.initial:RandomInitialRobot", summary="anywhere")
    yield InitialRobotSpec(
        name="core/grid",
        target="iis_core.robots.initial:GridInitialRobot",
        summary="once in each cell of a grid, at a random place in it",
    )
    yield InitialRobotSpec(
        name="core/ritm-initial",
        target="iis_core.robots.initial:RitmInitialRobot",
        summary="many clicks in and around the target, as in RITM's training",
        paper=_RITM_PAPER,
    )
    yield InitialRobotSpec(
        name="core/mix",
        target="iis_core.robots.mix:MixInitialRobot",
        summary="one of several initial robots, drawn by weight for every element",
        check_keywords={"robots": {"core/random": 1, "core/grid": 2}},
    )


@hookimpl
def iis_selectors() -> Iterator[SelectorSpec]:
    yield SelectorSpec(
        name="core/first",
        target="iis_core.datasets.regions.whole:FirstSelector",
        summary="the object with value 1 of layer 0",
    )
    yield SelectorSpec(
        name="core/largest",
        target="iis_core.datasets.regions.whole:LargestSelector",
        summary="the object with most pixels",
    )
    yield SelectorSpec(
        name="core/background",
        target="iis_core.datasets.regions.whole:BackgroundSelector",
        summary="every pixel without an object",
    )
    yield SelectorSpec(
        name="core/random-single",
        target="iis_core.datasets.regions.random:RandomSingleSelector",
        summary="one object at random",
    )
    yield SelectorSpec(
        name="core/random-merge",
        target="iis_core.datasets.regions.random:RandomMergeSelector",
        summary="several objects at random, as one",
    )
    yield SelectorSpec(
        name="core/random-component",
        target="iis_core.datasets.regions.random:RandomComponentSelector",
        summary="a connected region of an object, at random",
    )
    yield SelectorSpec(
        name="core/class",
        target="iis_core.datasets.regions.random:ClassSelector",
        summary="all objects of one class, given or drawn",
    )
    yield SelectorSpec(
        name="core/hierarchical",
        target="iis_core.datasets.regions.hierarchical:HierarchicalSelector",
        summary="an object or a part of one, possibly without some of its own parts",
        paper=_RITM_PAPER,
    )


@hookimpl
def iis_protocols() -> Iterator[ProtocolSpec]:
    yield ProtocolSpec(
        name="core/ritm",
        summary="20 clicks at most, y > 0.49, stop at IoU 0.90",
        paper=_RITM_PAPER,
        robot="core/ritm",
        threshold=0.49,
        inclusive=False,
        max_clicks=20,
        stop_iou=0.90,
        ignore="ignored pixels (-1) are never an error and leave both terms of the IoU",
    )
    yield ProtocolSpec(
        name="core/focalclick",
        summary="20 clicks at most, y > 0.5, stop at IoU 0.90",
        paper=_FOCALCLICK_PAPER,
        robot="core/ritm",
        threshold=0.5,
        inclusive=False,
        max_clicks=20,
        stop_iou=0.90,
        ignore="ignored pixels (-1) are never an error and leave both terms of the IoU",
    )
    yield ProtocolSpec(
        name="core/gto99",
        summary="always 20 clicks, y >= 0.5",
        paper=_GTO99_PAPER,
        robot="core/gto99",
        threshold=0.5,
        inclusive=True,
        max_clicks=20,
        stop_iou=None,
        ignore="unknown pixels (-1) are never an error and leave both terms of the IoU",
    )
    yield ProtocolSpec(
        name="core/sam",
        summary="always 20 clicks, y > 0.5, NoC up to IoU 0.95",
        paper=_RCLICKS_PAPER,
        robot="core/ritm",
        threshold=0.5,
        inclusive=False,
        max_clicks=20,
        stop_iou=None,
        noc_at=(0.85, 0.9, 0.95),
        ignore="ignored pixels (-1) are never an error and leave both terms of the IoU",
    )
    yield ProtocolSpec(
        name="core/segnext",
        summary="20 clicks at most, y > 0.49, stop at IoU 0.95",
        paper=_SEGNEXT_PAPER,
        robot="core/ritm",
        threshold=0.49,
        inclusive=False,
        max_clicks=20,
        stop_iou=0.95,
        noc_at=(0.85, 0.9, 0.95),
        iou_at=(5,),
        ignore="ignored pixels (-1) are never an error and leave both terms of the IoU",
    )


_COMMANDS = (
    ("evaluate", "evaluate:evaluate", "Evaluate a model on a dataset under a protocol."),
    ("report", "report:report", "Compute a table from the records of one or several runs."),
    ("pictures", "pictures:pictures", "Draw objects of a run, by replaying the clicks in its records."),
    ("replay", "replay:replay", "Give the clicks of a run to a model again, and compare."),
    ("predict", "predict:predict", "Segment one image by clicks and write the mask."),
    ("data", "data:data", "List the known datasets, get their files, check them."),
    ("weights", "weights:weights", "Show where a model's weights are published; fetch or convert them."),
    ("list", "listing:list_", "List what is installed, by kind and name."),
    ("show", "show:show", "Show everything known about a name, and what can be given to it."),
    ("plugins", "listing:plugins", "Show the installed plugins, and what is wrong with the broken ones."),
    ("check", "check:check", "Check that something of the catalog, or a whole package, keeps the contract."),
    ("new-plugin", "new_plugin:new_plugin", "Write the package of a new plugin, to begin from."),
)

COMMANDS = {
    name: CommandSpec(name=f"core/{name}", target=f"iis_core.cli.{target}", summary=summary)
    for name, target, summary in _COMMANDS
}
"""The core's own commands, in the order in which they are shown."""


@hookimpl
def iis_commands() -> Iterator[CommandSpec]:
    yield from COMMANDS.values()
