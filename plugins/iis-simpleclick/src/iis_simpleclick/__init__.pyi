from .model import SimpleClickModel as SimpleClickModel
from .published import build_network as build_network
