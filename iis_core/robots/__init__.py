"""Robots: simulated annotators that click where a prediction is wrong, and those that make the first clicks."""

from iis_core.robots.base import ElementRobot, ElementView, Robot
from iis_core.robots.initial import InitialRobot

__all__ = ["ElementRobot", "ElementView", "InitialRobot", "Robot"]
