from .model import GTO99Model as GTO99Model
from .network import build_network as build_network
