from .model import SAM2Model as SAM2Model
from .model import SAMHQModel as SAMHQModel
from .model import SAMModel as SAMModel
from .networks import build_network as build_network
