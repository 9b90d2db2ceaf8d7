from .model import RITMModel as RITMModel
from .networks.published import build_network as build_network
