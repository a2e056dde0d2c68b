"""Evaluates a peer of a forecasting network with parameters of ours: compareForecasting.py MODEL SHAPE FILE reads a safetensors file, with
the histories as `input`, and prints the forecasts as JSON. See test/bench/forecastingPeers.test.ts."""

import json
import sys

import torch

from compare import read_safetensors
from forecasting import forecaster


# Parts of names of modules, of PyTorch's own for the most part, and what ours are called.
NAMES = {
    "operator.": "",
    ".kernels.": ".",
    "_l0": "",
    "weight_ih": "inputWeight",
    "weight_hh": "hiddenWeight",
    "bias_ih": "inputBias",
    "bias_hh": "hiddenBias",
    "self_attn.out_proj": "attention.output",
    "norm1": "attentionNorm",
    "norm2": "feedForwardNorm",
    "linear1": "feedForward.0",
    "linear2": "feedForward.1",
}


def take(named, name, parameter):
    """The value of a parameter of the peer from values of ours, which are taken out of `named`."""
    for theirs, ours in NAMES.items():
        name = name.replace(theirs, ours)
    if parameter.is_complex():  # a complex matrix is one real array of ours, real parts beside imaginary parts
        return torch.complex(*named.pop(name.removesuffix(".weight")).chunk(2, dim=-1))
    if "self_attn.in_proj_" in name:  # three maps of ours
        parts = [name.replace("self_attn.in_proj_", f"attention.{part}.") for part in ("query", "key", "value")]
        return torch.cat([torch.t(named.pop(part)) for part in parts])
    value = named.pop(name)
    return value.T if name.lower().endswith("weight") and value.dim() == 2 else value


@torch.no_grad()
def main(model, shape, file):
    torch.set_num_threads(1)
    named = read_safetensors(file)
    history = named.pop("input")
    net = forecaster(model, **json.loads(shape))
    for name, parameter in net.named_parameters():
        value = take(named, name, parameter)
        if value.shape != parameter.shape:
            raise SystemExit(f"compareForecasting: {model}: {name} is {tuple(value.shape)}, expected {tuple(parameter.shape)}")
        parameter.copy_(value)
    if named:
        raise SystemExit(f"compareForecasting: {model} has no place for {', '.join(named)}")
    print(json.dumps(net(history).flatten().tolist()))


main(*sys.argv[1:])
