"""Evaluates a peer of a flow with parameters of ours: compareFlows.py MODEL D BLOCKS HIDDEN FILE reads a safetensors file, with the points
as `x` and `z`, and prints log densities of x and samples at z as JSON. See test/bench/flowPeers.test.ts."""

import json
import sys

import torch

from compare import read_safetensors
from flows import FLOWS


def main(model, d, blocks, hidden, file):
    torch.set_num_threads(1)
    named = read_safetensors(file)
    x, z = named.pop("x"), named.pop("z")
    net = FLOWS[model](int(d), int(blocks), json.loads(hidden))
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            value = named.pop(name)
            parameter.copy_(value.T if name.endswith(".weight") else value)
    if named:
        raise SystemExit(f"compareFlows: {model} has no place for {', '.join(named)}")
    print(json.dumps({"logprob": net.log_prob(x).tolist(), "samples": net.from_latent(z).flatten().tolist()}))


main(*sys.argv[1:])
