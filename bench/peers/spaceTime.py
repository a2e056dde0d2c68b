"""Straightforward PyTorch versions of the operators over space and time, as their formulas stand: the peers that Sextant is timed against.

FNO-3D: Li et al. 2021 (arXiv 2010.08895). Padé exponential: Gupta et al. 2022. MWT: Gupta et al. 2021 (arXiv 2109.13459). Low rank:
Li et al. 2020 (arXiv 2003.03485). Fields are [batch, n1, n2, time, channels] throughout; modules and parameters have the names of
ours, so that equal parameters give equal fields (test/bench/forecastingPeers.test.ts).
"""

import math

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


def pade_coefficients(p, q):
    """Of numerator and denominator of [p/q] ≈ exp; the sums end one degree early, as in the authors' code."""
    f = math.factorial
    a = [f(p + q - j) * f(p) / (f(p + q) * f(j) * f(p - j)) for j in range(p)]
    b = [(-1) ** j * f(p + q - j) * f(q) / (f(p + q) * f(j) * f(q - j)) for j in range(q)]
    return a, b


class PadeBlocks(nn.Module):
    """P(L) relu(W Q(L) x + b), L a Fourier kernel: several such blocks side by side, each on its part of the channels."""

    def __init__(self, blocks, width, modes, p=4, q=2):
        super().__init__()
        self.a, self.b = pade_coefficients(p, q)
        self.kernel = SpectralConv(width, width, modes, groups=(blocks,))
        self.weight = nn.Parameter((2 * torch.rand(blocks, width, width) - 1) / math.sqrt(width))
        self.bias = nn.Parameter((2 * torch.rand(blocks * width) - 1) / math.sqrt(width))

    def polynomial(self, coefficients, x):
        total, power = coefficients[0] * x, x
        for coefficient in coefficients[1:]:
            power = self.kernel(power)
            total = total + coefficient * power
        return total

    def forward(self, x):
        blocks, width = self.weight.shape[:2]
        z = self.polynomial(self.b, x.unflatten(-1, (blocks, width)))
        z = torch.einsum("...gi,gio->...go", z, self.weight) + self.bias.reshape(blocks, width)
        return self.polynomial(self.a, torch.relu(z)).flatten(-2)


class PadeKernels(nn.Module):
    """A is one block on the whole detail, B and C are one block for each of its three parts."""

    def __init__(self, width, modes):
        super().__init__()
        self.A = PadeBlocks(1, 3 * width, modes)
        self.BC = PadeBlocks(6, width, modes)

    def forward(self, s, d):
        exchanged = self.BC(torch.cat([s, s, s, d], dim=-1))
        to_detail, to_scaling = exchanged.chunk(2, dim=-1)
        return sum(to_scaling.chunk(3, dim=-1)), self.A(d) + to_detail


class SpectralKernel(nn.Module):
    def __init__(self, width, modes):
        super().__init__()
        self.spectral = SpectralConv(width, width, modes)
        self.mix = nn.Linear(width, width)

    def forward(self, x):
        return self.mix(torch.relu(self.spectral(x)))


class LocalKernel(nn.Module):
    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.convolve = nn.Conv3d(inputs, hidden, 3, padding=1)
        self.mix = nn.Linear(hidden, outputs)

    def forward(self, x):
        return self.mix(torch.relu(self.convolve(x.movedim(-1, 1)).movedim(1, -1)))


class MultiwaveletKernels(nn.Module):
    def __init__(self, width, modes):
        super().__init__()
        self.A = SpectralKernel(3 * width, modes)
        self.B = LocalKernel(width, width, 3 * width)
        self.C = LocalKernel(3 * width, width, width)

    def forward(self, s, d):
        return self.C(d), self.A(d) + self.B(s)


class WaveletLayer(nn.Module):
    """The non-standard form along both axes of space: U_s = C d and U_d = A d + B s on every level, one linear map on the coarsest."""

    def __init__(self, k, channels, kernels):
        super().__init__()
        self.channels, self.coefficients = channels, k * k
        h0, h1, g0, g1 = legendre_filters(k)
        halves = torch.cat([torch.cat([h0.T, g0.T], dim=1), torch.cat([h1.T, g1.T], dim=1)]).reshape(2, k, 2, k)
        # From (half, half, degree, degree) of four cells to (part, part, degree, degree): LL, LH, HL, HH.
        self.register_buffer("analysis", torch.einsum("aibj,cmdn->acimbdjn", halves, halves).reshape(4 * k * k, 4 * k * k))
        self.kernels = kernels
        self.coarsest = nn.Linear(k * k, k * k)

    def analyse(self, x):
        batch, n1, n2, time, _ = x.shape
        cells = x.reshape(batch, n1 // 2, 2, n2 // 2, 2, time, self.channels, self.coefficients)
        parts = cells.permute(0, 1, 3, 5, 6, 2, 4, 7).flatten(-3) @ self.analysis
        parts = parts.unflatten(-1, (4, self.coefficients)).transpose(-2, -3)
        return parts[..., 0, :, :].flatten(-2), parts[..., 1:, :, :].flatten(-3)

    def synthesise(self, s, d):
        parts = torch.cat([s, d], dim=-1).unflatten(-1, (4, self.channels, self.coefficients))
        cells = (parts.transpose(-2, -3).flatten(-2) @ self.analysis.T).unflatten(-1, (2, 2, self.coefficients))
        batch, n1, n2, time = s.shape[:4]
        return cells.permute(0, 1, 5, 2, 6, 3, 4, 7).reshape(batch, 2 * n1, 2 * n2, time, -1)

    def forward(self, x, _=None):
        if 1 in x.shape[1:3]:
            return self.coarsest(x.unflatten(-1, (self.channels, self.coefficients))).flatten(-2)
        s, d = self.analyse(x)
        update_s, update_d = self.kernels(s, d)
        return self.synthesise(self.forward(s) + update_s, update_d)


def dyadic(grid):
    """Axes of space up to the next power of two, at least 2."""
    return (*(1 << max(n - 1, 1).bit_length() for n in grid[:2]), grid[2])


def wavelet_operator(inputs, k, channels, modes, layers, kernels):
    width = channels * k * k
    return Operator(inputs, width, [WaveletLayer(k, channels, kernels(width, modes)) for _ in range(layers)], dyadic)


class LowRankLayer(nn.Module):
    """sum_i mean_y sum_r phi_oir(a(x)) psi_oir(a(y)) v_i(y) + W v + b, where a is the input with its coordinates."""

    def __init__(self, inputs, width, rank, hidden):
        super().__init__()
        self.width, self.rank = width, rank
        self.phi = Perceptron(inputs + 3, *hidden, width * width * rank)
        self.psi = Perceptron(inputs + 3, *hidden, width * width * rank)
        self.local = nn.Linear(width, width)

    def forward(self, v, located):
        a, at_points = located.flatten(1, 3), v.flatten(1, 3)
        shape = (self.width, self.width, self.rank)
        phi = self.phi(a).unflatten(-1, shape)
        psi = self.psi(a).unflatten(-1, shape)
        coefficients = torch.einsum("bsoir,bsi->boir", psi, at_points) / at_points.shape[1]
        integral = torch.einsum("bsoir,boir->bso", phi, coefficients)
        return integral.reshape(v.shape) + self.local(v)


def lno(inputs, width, rank, hidden, layers):
    return Operator(inputs, width, [LowRankLayer(inputs, width, rank, hidden) for _ in range(layers)])
