"""A plugin of small networks with weights, as sources to install."""

PLUGIN = """
from iis_core.plugins import ModelSpec, Weights, hookimpl
IIS_API = 1
@hookimpl
def iis_models():
    for width in (2, 3):
        yield ModelSpec(
            name=f"net/wide{width}", target="net_parts:build", summary="a network",
            config={"width": width, "bias": True}, choices={"width": (width,)}, pretrained=("start",),
            complete="net_parts:complete", convert="net_parts:convert",
            weights=Weights(url="https://example.org/net.pth", licence="MIT"), check_keywords={"weights": "random"},
        )
    yield ModelSpec(name="net/none", target="net_parts:Nothing", summary="holds no network")
    yield ModelSpec(name="net/fails", target="net_parts:build", summary="-", complete="net_parts:fail")
"""
PARTS = """
from dataclasses import replace
import torch
from iis_core import IISModel

class Model(torch.nn.Module):
    def __init__(self, network, scale):
        super().__init__()
        self.network, self.scale = network, scale
        self.network.weight.requires_grad_(False)

    device = torch.device("cpu")
    initialize_z, initialize_y = IISModel.initialize_z, IISModel.initialize_y

    def forward(self, x, z, pcs, ncs):
        return torch.sigmoid(self.network(x)[:, :1]), dict(z)

def build(*, width: int, bias: bool = True, mean: float = 0.0, scale: float = 1.0, start: str | None = None):
    return Model(torch.nn.Conv2d(3, width, 1, bias=bias), scale)

def complete(config, keywords):
    return {"mean": 0.5, **config}

def convert(stored, config):
    state = {name.removeprefix("published."): value for name, value in stored.state.items()}
    return replace(stored, state=state)

def fail(config, keywords):
    raise KeyError("mean")

class Nothing(IISModel):
    pass
"""
