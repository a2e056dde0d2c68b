"""Straightforward PyTorch versions of the flows, written from their papers: the peers that Sextant is timed against.

Real NVP: Dinh et al. 2017. MAF: Papamakarios et al. 2017. NSF: Durkan et al. 2019. Residual flow: Chen et al. 2019. Modules and
parameters have the names of ours, so that equal parameters give equal densities (test/bench/flowPeers.test.ts).
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


def dense(sizes):
    return nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))


def run_dense(layers, x):
    for layer in layers[:-1]:
        x = torch.relu(layer(x))
    return layers[-1](x)


def affine(x, raw, inverse=False):
    s, t = 3 * torch.tanh(raw[..., 0] / 3), raw[..., 1]
    return ((x - t) * torch.exp(-s), -s) if inverse else (x * torch.exp(s) + t, s)


BINS, BOUND, LEAST = 8, 5.0, 1e-3


def knots(raw):
    widths = LEAST + (1 - LEAST * BINS) * torch.softmax(raw, -1)
    inner = 2 * BOUND * torch.cumsum(widths, -1)[..., :-1] - BOUND
    return torch.cat([torch.full_like(raw[..., :1], -BOUND), inner, torch.full_like(raw[..., :1], BOUND)], -1)


def spline(x, raw, inverse=False):
    xs, ys = knots(raw[..., :BINS]), knots(raw[..., BINS : 2 * BINS])
    inner = LEAST + F.softplus(raw[..., 2 * BINS :] + math.log(math.expm1(1 - LEAST)))
    ends = torch.ones_like(inner[..., :1])
    ds = torch.cat([ends, inner, ends], -1)
    clipped = x.clamp(-BOUND, BOUND)
    axis = ys if inverse else xs
    k = (torch.searchsorted(axis[..., 1:-1].detach().contiguous(), clipped.detach().unsqueeze(-1), right=True)).clamp(0, BINS - 1)
    at = lambda values, shift=0: values.gather(-1, k + shift).squeeze(-1)
    x0, y0, d0, d1 = at(xs), at(ys), at(ds), at(ds, 1)
    w, h = at(xs, 1) - x0, at(ys, 1) - y0
    s = h / w
    bend = d0 + d1 - 2 * s
    if inverse:
        up = clipped - y0
        a, b, c = h * (s - d0) + up * bend, h * d0 - up * bend, -s * up
        xi = -2 * c / (b + torch.sqrt((b * b - 4 * a * c).clamp_min(0)))
        value = x0 + xi * w
    else:
        xi = (clipped - x0) / w
        value = y0 + h * (s * xi * xi + d0 * xi * (1 - xi)) / (s + bend * xi * (1 - xi))
    slope = (
        2 * torch.log(s)
        + torch.log(d1 * xi * xi + 2 * s * xi * (1 - xi) + d0 * (1 - xi) ** 2)
        - 2 * torch.log(s + bend * xi * (1 - xi))
    )
    inside = x.abs() <= BOUND
    return torch.where(inside, value, x), torch.where(inside, -slope if inverse else slope, torch.zeros_like(slope))


class Coupling(nn.Module):
    def __init__(self, d, flip, hidden, transform, numbers):
        super().__init__()
        self.kept = [i for i in range(d) if (i % 2 == 0) != flip]
        self.changed = [i for i in range(d) if (i % 2 == 0) == flip]
        order = self.kept + self.changed
        self.order = [order.index(i) for i in range(d)]
        self.transform, self.numbers = transform, numbers
        self.dense = dense([len(self.kept), *hidden, len(self.changed) * numbers])

    def forward(self, x, inverse=False):
        kept = x[:, self.kept]
        raw = run_dense(self.dense, kept).reshape(x.shape[0], len(self.changed), self.numbers)
        y, slope = self.transform(x[:, self.changed], raw, inverse)
        return torch.cat([kept, y], 1)[:, self.order], slope.sum(1)


class MADE(nn.Module):
    def __init__(self, d, hidden):
        super().__init__()
        self.layers = dense([d, *hidden, 2 * d])
        degrees = [list(range(1, d + 1))]
        for width in hidden:
            ends = [int(math.floor(width * (m + 1) / d + 0.5)) for m in range(d)]
            degrees.append([next(m for m, end in enumerate(ends) if unit < end) for unit in range(width)])
        degrees.append([j // 2 for j in range(2 * d)])
        for i, (a, b) in enumerate(zip(degrees, degrees[1:])):
            mask = torch.tensor(b)[:, None] >= torch.tensor(a)[None, :]
            self.register_buffer(f"mask{i}", mask.float())

    def parameters_of(self, x):
        h = x
        for i, layer in enumerate(self.layers):
            h = F.linear(h, layer.weight * getattr(self, f"mask{i}"), layer.bias)
            h = torch.relu(h) if i < len(self.layers) - 1 else h
        return h.reshape(*x.shape, 2)

    def forward(self, x, inverse=False):
        if not inverse:
            y, s = affine(x, self.parameters_of(x))
            return y, s.sum(1)
        y = torch.zeros_like(x)
        for i in range(x.shape[1]):  # one pass of the network an entry
            value, s = affine(x, self.parameters_of(y), True)
            y = torch.cat([y[:, :i], value[:, i : i + 1], y[:, i + 1 :]], 1)
        return y, s.sum(1)


class Reverse(nn.Module):
    def forward(self, x, inverse=False):
        return x.flip(1), torch.zeros(x.shape[0])


class LU(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.lower, self.upper = nn.Parameter(0.01 * torch.randn(d, d)), nn.Parameter(0.01 * torch.randn(d, d))
        self.logDiagonal, self.bias = nn.Parameter(torch.zeros(d)), nn.Parameter(torch.zeros(d))

    def forward(self, x, inverse=False):
        lower = torch.tril(self.lower, -1) + torch.eye(x.shape[1])
        upper = torch.triu(self.upper, 1) + torch.diag(torch.exp(self.logDiagonal))
        logdet = self.logDiagonal.sum().expand(x.shape[0])
        if not inverse:
            return x @ (lower @ upper).T + self.bias, logdet
        y = torch.linalg.solve_triangular(lower, (x - self.bias).T, upper=False, unitriangular=True)
        return torch.linalg.solve_triangular(upper, y, upper=True).T, -logdet


class ActNorm(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.logScale, self.shift = nn.Parameter(torch.zeros(d)), nn.Parameter(torch.zeros(d))

    def forward(self, x, inverse=False):
        logdet = self.logScale.sum().expand(x.shape[0])
        if inverse:
            return x * torch.exp(-self.logScale) - self.shift, -logdet
        return (x + self.shift) * torch.exp(self.logScale), logdet


class Residual(nn.Module):
    """Spectral norms by power iteration, one step a pass, as in the published code."""

    COEFFICIENT = 0.97

    def __init__(self, d, hidden):
        super().__init__()
        self.layers = dense([d, *hidden, d])
        self.steepness = nn.ParameterList(nn.Parameter(torch.tensor(0.5)) for _ in hidden)
        for i, layer in enumerate(self.layers):
            self.register_buffer(f"u{i}", F.normalize(torch.randn(layer.weight.shape[0]), dim=0))

    def weights(self):
        for i, layer in enumerate(self.layers):
            with torch.no_grad():
                u = getattr(self, f"u{i}")
                v = F.normalize(layer.weight.T @ u, dim=0)
                u.copy_(F.normalize(layer.weight @ v, dim=0))
            sigma = u @ layer.weight @ v
            yield layer.weight / torch.clamp(sigma / self.COEFFICIENT, min=1)

    def branch(self, x, weights):
        for i, (weight, layer) in enumerate(zip(weights, self.layers)):
            x = F.linear(x, weight, layer.bias)
            if i < len(self.steepness):
                x = x * torch.sigmoid(F.softplus(self.steepness[i]) * x) / 1.1
        return x

    def forward(self, x, inverse=False):
        weights = list(self.weights())
        if inverse:
            y = x
            for _ in range(1000):
                new = x - self.branch(y, weights)
                change = (new - y).abs().max()
                y = new
                if change < 1e-6:
                    break
            return y, None
        with torch.enable_grad():
            x = x if x.requires_grad else x.detach().requires_grad_()
            g = self.branch(x, weights)
            rows = [torch.autograd.grad(g[:, i].sum(), x, create_graph=True)[0] for i in range(x.shape[1])]
        jacobian = torch.eye(x.shape[1]) + torch.stack(rows, 1)
        return x + g, torch.linalg.slogdet(jacobian)[1]


class Flow(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def log_prob(self, x):
        total = 0
        for layer in self.layers:
            x, logdet = layer(x)
            total = total + logdet
        return total - 0.5 * (x * x).sum(1) - 0.5 * x.shape[1] * math.log(2 * math.pi)

    @torch.no_grad()
    def from_latent(self, z):
        for layer in reversed(self.layers):
            z, _ = layer(z, inverse=True)
        return z


FLOWS = {
    "real-nvp": lambda d, blocks, hidden: Flow([Coupling(d, i % 2 == 1, hidden, affine, 2) for i in range(blocks)]),
    "maf": lambda d, blocks, hidden: Flow([layer for _ in range(blocks) for layer in (MADE(d, hidden), Reverse())]),
    "nsf": lambda d, blocks, hidden: Flow(
        [layer for i in range(blocks) for layer in (LU(d), Coupling(d, i % 2 == 1, hidden, spline, 3 * BINS - 1))]
    ),
    "residual-flow": lambda d, blocks, hidden: Flow(
        [layer for _ in range(blocks) for layer in (Residual(d, hidden), ActNorm(d))]
    ),
}


def make(model, d, blocks, hidden):
    torch.manual_seed(0)
    return FLOWS[model](d, blocks, hidden)


def flow_training(model, batch, d, blocks, hidden):
    net = make(model, d, blocks, hidden)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    x = torch.randn(batch, d)

    def step():
        optimizer.zero_grad()
        loss = -net.log_prob(x).mean()
        loss.backward()
        optimizer.step()

    step.parameters = sum(p.numel() for p in net.parameters())
    return step


def flow_sampling(model, batch, d, blocks, hidden):
    net = make(model, d, blocks, hidden)
    run = lambda: net.from_latent(torch.randn(batch, d))
    run.parameters = sum(p.numel() for p in net.parameters())
    return run
