"""Evaluates a peer with parameters of ours: compare.py FAMILY OPTIONS FILE reads a safetensors file, with the input as `input`, and
prints the output as JSON. See test/bench/peers.test.ts."""

import json
import sys

import numpy as np
import torch
from torch import nn

from models import FNO, MWT, PadeKernel
from integrals import GNO, LNO, MGNO

# Nets of the options that ours was made with.
MODELS = {
    "fno": lambda o: FNO(width=o["width"], modes=o["modes"], layers=o["layers"]),
    "mwt": lambda o: MWT(k=o["k"], c=o["channels"], modes=o["modes"], layers=o["layers"]),
    "pade": lambda o: MWT(k=o["k"], c=o["channels"], modes=o["modes"], layers=o["layers"], kernel=PadeKernel),
    "lno": lambda o: LNO(width=o["width"], rank=o["rank"], layers=o["layers"], hidden=o["hidden"]),
    "gno": lambda o: GNO(width=o["width"], kernel_width=o["kernelWidth"], depth=o["depth"], radius=o["radius"]),
    "mgno": lambda o: MGNO(width=o["width"], kernel_width=o["kernelWidth"], depth=o["depth"], levels=o["levels"]),
}


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    header.pop("__metadata__", None)
    return {
        name: torch.from_numpy(np.frombuffer(data[slice(*at["data_offsets"])], dtype=np.float32).reshape(at["shape"]).copy())
        for name, at in header.items()
    }


class Parameters:
    """Copies parameters of ours into modules of PyTorch; every one must be used."""

    def __init__(self, named):
        self.named = named

    def take(self, path):
        return self.named.pop(path)

    def linear(self, module, path):
        weight = self.take(f"{path}.weight").T
        module.weight.copy_(weight.reshape(module.weight.shape))  # a Conv1d of kernel size 1 has a third axis
        module.bias.copy_(self.take(f"{path}.bias"))

    def perceptron(self, layers, path):
        for i, layer in enumerate(layer for layer in layers if isinstance(layer, nn.Linear)):
            self.linear(layer, f"{path}.{i}")

    def norm(self, module, path):
        module.weight.copy_(self.take(f"{path}.weight"))
        module.bias.copy_(self.take(f"{path}.bias"))

    def kernel_integral(self, module, path):
        self.linear(module.local, f"{path}.local")
        self.perceptron(module.kernel, f"{path}.kernel")


def complex_matrices(weights):
    """[modes, in, 2 out] → [in, out, modes]"""
    re, im = weights.chunk(2, dim=2)
    return torch.complex(re, im).permute(1, 2, 0)


def copy_fno(net, p):
    for i, (spectral, local) in enumerate(zip(net.spectral, net.local)):
        spectral.weight.copy_(complex_matrices(p.take(f"layers.{i}.spectral")))
        p.linear(local, f"layers.{i}.local")
    p.perceptron(net.head, "head")


def copy_mwt(net, p):
    # Ours keeps all channels of a polynomial side by side, theirs all polynomials of a channel.
    order = torch.arange(net.k * net.c).reshape(net.k, net.c).T.reshape(-1)

    def sort(module, inputs=False, outputs=False):
        if inputs:
            module.weight.copy_(module.weight[:, order].clone())
        if outputs:
            module.weight.copy_(module.weight[order].clone())
            module.bias.copy_(module.bias[order].clone())

    sort(net.lift, outputs=True)
    for i, layer in enumerate(net.layers):
        for j, block in enumerate([layer.A, layer.B, layer.C]):
            pade = isinstance(block, PadeKernel)
            weights = complex_matrices(p.take(f"layers.{i}.kernels.{j}"))
            (block.kernel if pade else block).weight.copy_(weights[order][:, order])
            if pade:
                p.linear(block.linear, f"layers.{i}.maps.{j}")
                sort(block.linear, inputs=True, outputs=True)
        p.linear(layer.coarsest, f"layers.{i}.coarsest")
    p.perceptron(net.head, "head")
    sort(net.head[0], inputs=True)


def copy_lno(net, p):
    for i, (integral, local, norm) in enumerate(zip(net.integrals, net.local, net.norms)):
        path, width, rank = f"layers.{i}", integral.width, integral.rank
        for name in ("phi", "psi"):
            p.perceptron(getattr(integral, name)[:-1], f"{path}.{name}.hidden")
        phi, psi = integral.phi[-1], integral.psi[-1]
        # Ours: phi [o, ir, features]; psi [i, features, or]. Theirs: [oir, features].
        phi.weight.copy_(p.take(f"{path}.phi.weight").reshape(phi.weight.shape))
        phi.bias.copy_(p.take(f"{path}.phi.bias").reshape(-1))
        byInput = p.take(f"{path}.psi.weight").reshape(width, -1, width, rank)
        psi.weight.copy_(byInput.permute(2, 0, 3, 1).reshape(psi.weight.shape))
        psi.bias.copy_(p.take(f"{path}.psi.bias").reshape(width, width, rank).transpose(0, 1).reshape(-1))
        p.linear(local, f"{path}.local")
        p.norm(norm, f"{path}.norm")
    p.perceptron(net.head, "head")


def copy_gno(net, p):
    p.kernel_integral(net.integral, "integral")
    p.linear(net.head, "head")


def copy_mgno(net, p):
    p.kernel_integral(net.near, "near")
    for l, integral in enumerate(net.interactions):
        p.kernel_integral(integral, f"interactions.{l}")
    p.linear(net.head, "head")


COPIES = {"fno": copy_fno, "mwt": copy_mwt, "pade": copy_mwt, "lno": copy_lno, "gno": copy_gno, "mgno": copy_mgno}


@torch.no_grad()
def main(family, options, file):
    torch.set_num_threads(1)
    named = read_safetensors(file)
    u = named.pop("input")
    net = MODELS[family](json.loads(options))
    p = Parameters(named)
    p.linear(net.lift, "lift")
    COPIES[family](net, p)
    if named:
        raise SystemExit(f"compare: {family} has no place for {', '.join(named)}")
    print(json.dumps(net(u).flatten().tolist()))


if __name__ == "__main__":
    main(*sys.argv[1:])
