from .model import SegNextModel as SegNextModel
from .published import build_network as build_network
