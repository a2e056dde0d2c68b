"""Straightforward PyTorch versions of the operators over space and time, as their formulas stand: the peers that Sextant is timed against.

FNO-3D: Li et al. 2021 (arXiv 2010.08895). Fields are [batch, n1, n2, time, channels] throughout; modules and parameters have the
names of ours, so that equal parameters give equal fields (test/bench/forecastingPeers.test.ts).
"""

import torch
import torch.nn.functional as F
from torch import nn

from models import legendre_filters

class Perceptron(nn.ModuleList):
    def __init__(self, *sizes):
        super().__init__(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))

    def forward(self, x, activation=torch.relu):
        *hidden, last = self
        for layer in hidden:
            x = activation(layer(x))
        return last(x)


class Operator(nn.Module):
    """Lift, layers with ReLU between them, head. Layers work on the padded grid, and get the input with its coordinates as well."""

    def __init__(self, inputs, width, layers, padded=lambda grid: grid):
        super().__init__()
        self.lift = nn.Linear(inputs + 3, width)
        self.layers = nn.ModuleList(layers)
        self.head = Perceptron(width, 128, 1)
        self.padded = padded

    def forward(self, u):  # [batch, n1, n2, time, inputs] → [batch, n1, n2, time, 1]
        grid = u.shape[1:4]
        axes = torch.meshgrid(*(torch.arange(n) / n for n in grid), indexing="ij")
        coordinates = torch.stack(axes, dim=-1).expand(u.shape[0], *grid, 3)
        located = torch.cat([u, coordinates], dim=-1)
        after = [m - n for m, n in zip(self.padded(grid), grid)]
        x = F.pad(self.lift(located), (0, 0, 0, after[2], 0, after[1], 0, after[0]))
        for i, layer in enumerate(self.layers):
            x = layer(x if i == 0 else torch.relu(x), located)
        return self.head(x[:, : grid[0], : grid[1], : grid[2]])


class SpectralConv(nn.Module):
    """Multiplies the modes −m … m − 1 of each axis of space and 0 … m − 1 of time, as far as the grid has them, and drops the others.
    With groups, channels are [..., groups, channels of a group], and each group has its own matrices."""

    def __init__(self, inputs, outputs, modes, groups=()):
        super().__init__()
        self.modes = modes
        shape = (2 * modes[0], 2 * modes[1], modes[2], *groups, inputs, outputs)
        self.weight = nn.Parameter(torch.rand(shape, dtype=torch.cfloat) / (inputs * outputs))

    def forward(self, x):
        grid = x.shape[1:4]
        times = min(self.modes[2], grid[2] // 2 + 1)
        spectrum = torch.fft.rfft(x, dim=3)[:, :, :, :times]
        spectrum = torch.fft.fftshift(torch.fft.fftn(spectrum, dim=(1, 2)), dim=(1, 2))
        # Frequency 0 of an axis of space stands at n // 2 after the shift, at m in the weights.
        ends = [(min(m, n // 2), min(m, (n + 1) // 2)) for m, n in zip(self.modes, grid[:2])]
        kept = (slice(None), *(slice(n // 2 - below, n // 2 + above) for n, (below, above) in zip(grid, ends)))
        used = (*(slice(m - below, m + above) for m, (below, above) in zip(self.modes, ends)), slice(times))
        out = torch.zeros(*spectrum.shape[:-1], self.weight.shape[-1], dtype=torch.cfloat)
        out[kept] = torch.einsum("bxyz...i,xyz...io->bxyz...o", spectrum[kept], self.weight[used])
        out = torch.fft.ifftn(torch.fft.ifftshift(out, dim=(1, 2)), dim=(1, 2))
        return torch.fft.irfft(out, n=grid[2], dim=3)


class FourierLayer(nn.Module):
    def __init__(self, width, modes):
        super().__init__()
        self.spectral = SpectralConv(width, width, modes)
        self.local = nn.Linear(width, width)

    def forward(self, v, _):
        return self.spectral(v) + self.local(v)


def fno(inputs, width, modes, layers, time_padding=6):
    """Time is not periodic: zeros are appended to it."""
    padded = lambda grid: (*grid[:2], grid[2] + time_padding)
    return Operator(inputs, width, [FourierLayer(width, modes) for _ in range(layers)], padded)
