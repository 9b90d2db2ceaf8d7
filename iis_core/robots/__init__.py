"""Robots: simulated annotators that click where a prediction is wrong."""

from iis_core.robots.base import ElementRobot, Robot
from iis_core.robots.gto99 import Gto99Robot
from iis_core.robots.ritm import RitmRobot

__all__ = ["ElementRobot", "Gto99Robot", "RitmRobot", "Robot"]
