"""Straightforward PyTorch versions of the operators, written from their papers: the peers that Sextant is timed against.

FNO: Li et al. 2021 (arXiv 2010.08895). MWT: Gupta et al. 2021 (arXiv 2109.13459). Padé exponential: Gupta et al. 2022.
Those that are integrals over the grid or over a graph stand in integrals.py.
"""

import math

import torch
from torch import nn

from integrals import GNO, LNO, MGNO


class SpectralConv(nn.Module):
    def __init__(self, width_in, width_out, modes):
        super().__init__()
        self.modes = modes
        scale = 1 / (width_in * width_out)
        self.weight = nn.Parameter(scale * torch.rand(width_in, width_out, modes, dtype=torch.cfloat))

    def forward(self, v):  # [batch, channels, s]
        s = v.shape[-1]
        spectrum = torch.fft.rfft(v)
        kept = min(self.modes, s // 2 + 1)
        out = torch.zeros(v.shape[0], self.weight.shape[1], s // 2 + 1, dtype=torch.cfloat)
        out[:, :, :kept] = torch.einsum("bix,iox->box", spectrum[:, :, :kept], self.weight[:, :, :kept])
        return torch.fft.irfft(out, n=s)


class FNO(nn.Module):
    def __init__(self, width=64, modes=16, layers=4):
        super().__init__()
        self.lift = nn.Linear(2, width)
        self.spectral = nn.ModuleList(SpectralConv(width, width, modes) for _ in range(layers))
        self.local = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(layers))
        self.head = nn.Sequential(nn.Linear(width, 128), nn.ReLU(), nn.Linear(128, 1))

    def forward(self, u):  # [batch, s, 1]
        grid = torch.linspace(0, 1, u.shape[1] + 1)[:-1].reshape(1, -1, 1).expand(u.shape[0], -1, 1)
        v = self.lift(torch.cat([u, grid], dim=-1)).permute(0, 2, 1)
        for i, (spectral, local) in enumerate(zip(self.spectral, self.local)):
            v = spectral(v) + local(v)
            if i < len(self.local) - 1:
                v = torch.relu(v)
        return self.head(v.permute(0, 2, 1))


def legendre_filters(k):
    """Two-scale filters H0, H1, G0, G1 of the Legendre multiwavelets (Gauss-Legendre quadrature, Gram-Schmidt)."""
    import numpy as np

    nodes, weights = np.polynomial.legendre.leggauss(k)
    x, w = (nodes + 1) / 2, weights / 2

    def phi(points):
        return np.stack([math.sqrt(2 * j + 1) * np.polynomial.legendre.Legendre.basis(j)(2 * points - 1) for j in range(k)])

    h0 = phi(x / 2) * w @ phi(x).T / math.sqrt(2)
    h1 = phi((x + 1) / 2) * w @ phi(x).T / math.sqrt(2)
    h = np.concatenate([h0, h1], axis=1)
    rows = []
    for i in range(k):
        v = np.eye(2 * k)[i]
        for _ in range(2):
            v = v - h.T @ (h @ v)
            for g in rows:
                v = v - g * (g @ v)
        rows.append(v / np.linalg.norm(v))
    g = np.stack(rows)
    return [torch.tensor(m, dtype=torch.float32) for m in (h0, h1, g[:, :k], g[:, k:])]


class FourierKernel(nn.Module):
    """Multiplies the lowest modes of the flattened c·k channels."""

    def __init__(self, channels, modes):
        super().__init__()
        self.modes = modes
        self.weight = nn.Parameter(torch.rand(channels, channels, modes, dtype=torch.cfloat) / channels**2)

    def forward(self, x):  # [batch, n, channels]
        n = x.shape[1]
        spectrum = torch.fft.rfft(x.permute(0, 2, 1))
        kept = min(self.modes, n // 2 + 1)
        out = torch.zeros(x.shape[0], x.shape[2], n // 2 + 1, dtype=torch.cfloat)
        out[:, :, :kept] = torch.einsum("bix,iox->box", spectrum[:, :, :kept], self.weight[:, :, :kept])
        return torch.fft.irfft(out, n=n).permute(0, 2, 1)


class PadeKernel(nn.Module):
    """A(L) relu(W B(L) x + b) with the power recurrence of the authors' code (j < p, j < q)."""

    def __init__(self, channels, modes, p=4, q=2):
        super().__init__()
        f = math.factorial
        self.a = [f(p + q - j) * f(p) / (f(p + q) * f(j) * f(p - j)) for j in range(p)]
        self.b = [(-1) ** j * f(p + q - j) * f(q) / (f(p + q) * f(j) * f(q - j)) for j in range(q)]
        self.kernel = FourierKernel(channels, modes)
        self.linear = nn.Linear(channels, channels)

    def forward(self, x):
        z, power = self.b[0] * x, x
        for b in self.b[1:]:
            power = self.kernel(power)
            z = z + b * power
        v = torch.relu(self.linear(z))
        y, power = self.a[0] * v, v
        for a in self.a[1:]:
            power = self.kernel(power)
            y = y + a * power
        return y


class MultiwaveletLayer(nn.Module):
    def __init__(self, k, c, make_kernel):
        super().__init__()
        h0, h1, g0, g1 = legendre_filters(k)
        self.register_buffer("to_s", torch.cat([h0.T, h1.T]))
        self.register_buffer("to_d", torch.cat([g0.T, g1.T]))
        self.register_buffer("to_even", torch.cat([h0, g0]))
        self.register_buffer("to_odd", torch.cat([h1, g1]))
        self.k, self.c = k, c
        self.A, self.B, self.C = make_kernel(), make_kernel(), make_kernel()
        self.coarsest = nn.Linear(k, k)

    def forward(self, x):  # [batch, n, c, k]
        batch, n = x.shape[:2]
        levels = int(math.log2(n))
        flat = lambda t: t.reshape(batch, t.shape[1], -1)
        unflat = lambda t: t.reshape(batch, t.shape[1], self.c, self.k)
        updates_d, updates_s = [], []
        for _ in range(levels):
            pair = torch.cat([x[:, ::2], x[:, 1::2]], dim=-1)
            d, x = pair @ self.to_d, pair @ self.to_s
            updates_d.append(unflat(self.A(flat(d)) + self.B(flat(x))))
            updates_s.append(unflat(self.C(flat(d))))
        x = self.coarsest(x)
        for level in reversed(range(levels)):
            x = torch.cat([x + updates_s[level], updates_d[level]], dim=-1)
            even, odd = x @ self.to_even, x @ self.to_odd
            x = torch.stack([even, odd], dim=2).reshape(batch, -1, self.c, self.k)
        return x


class MWT(nn.Module):
    def __init__(self, k=4, c=16, modes=10, layers=2, kernel=FourierKernel):
        super().__init__()
        self.k, self.c = k, c
        self.lift = nn.Linear(1, c * k)
        self.layers = nn.ModuleList(MultiwaveletLayer(k, c, lambda: kernel(c * k, modes)) for _ in range(layers))
        self.head = nn.Sequential(nn.Linear(c * k, 128), nn.ReLU(), nn.Linear(128, 1))

    def forward(self, u):  # [batch, s, 1]
        x = self.lift(u).reshape(u.shape[0], u.shape[1], self.c, self.k)
        for i, layer in enumerate(self.layers):
            x = layer(x)
            if i < len(self.layers) - 1:
                x = torch.relu(x)
        return self.head(x.reshape(u.shape[0], u.shape[1], -1))


MODELS = {
    "fno": lambda: FNO(),
    "mwt": lambda: MWT(),
    "pade": lambda: MWT(layers=1, kernel=PadeKernel),
    "lno": lambda: LNO(),
    "lno-small": lambda: LNO(width=16, rank=2, hidden=(32, 64)),
    "gno": lambda: GNO(),
    "gno-small": lambda: GNO(width=16, kernel_width=64),
    "mgno": lambda: MGNO(),
    "mgno-small": lambda: MGNO(width=16, kernel_width=64, levels=5),
}


def relative_l2(prediction, truth):
    """Sum over the batch of ||prediction - truth|| / ||truth||, as the published training loss."""
    difference = (prediction - truth).flatten(1).norm(dim=1)
    return (difference / truth.flatten(1).norm(dim=1)).sum()


def parameter_count(model):
    return sum(p.numel() * (2 if p.is_complex() else 1) for p in model.parameters())
