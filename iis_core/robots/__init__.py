"""Robots: simulated annotators that make the first clicks, or click where a prediction is wrong."""

from iis_core.robots.base import ElementRobot, ElementView, Robot
from iis_core.robots.initial import InitialRobot

__all__ = ["ElementRobot", "ElementView", "InitialRobot", "Robot"]
