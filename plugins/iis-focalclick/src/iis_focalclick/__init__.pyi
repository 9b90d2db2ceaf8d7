from .model import FocalClickModel as FocalClickModel
from .networks.published import build_network as build_network
