"""Evaluates a peer of a forecasting network with parameters of ours: compareForecasting.py MODEL SHAPE FILE reads a safetensors file, with
the histories as `input`, and prints the forecasts as JSON. See test/bench/forecastingPeers.test.ts."""

import json
import sys

import torch

from compare import read_safetensors
from forecasting import forecaster


def named_as_ours(net):
    """Parameters under the names of ours, each with what turns our values into its own."""
    for name, parameter in net.named_parameters():
        name = name.removeprefix("operator.").replace(".kernels.", ".")
        if parameter.is_complex():  # a complex matrix is one real array of ours, real parts beside imaginary parts
            yield name.removesuffix(".weight"), parameter, lambda value: torch.complex(*value.chunk(2, dim=-1))
        elif name.endswith(".weight") and parameter.dim() == 2:
            yield name, parameter, torch.t
        else:
            yield name, parameter, lambda value: value


@torch.no_grad()
def main(model, shape, file):
    torch.set_num_threads(1)
    named = read_safetensors(file)
    history = named.pop("input")
    net = forecaster(model, **json.loads(shape))
    for name, parameter, convert in named_as_ours(net):
        value = convert(named.pop(name))
        if value.shape != parameter.shape:
            raise SystemExit(f"compareForecasting: {model}: {name} is {tuple(value.shape)}, expected {tuple(parameter.shape)}")
        parameter.copy_(value)
    if named:
        raise SystemExit(f"compareForecasting: {model} has no place for {', '.join(named)}")
    print(json.dumps(net(history).flatten().tolist()))


main(*sys.argv[1:])
