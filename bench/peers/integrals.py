"""Straightforward PyTorch versions of the operators that integrate over the grid or over a graph, as their formulas stand.

Low rank: Li et al. 2021 (arXiv 2010.08895). Graph: Li et al. 2020 (arXiv 2003.03485). Multipole graph: Li et al. 2020
(arXiv 2006.09535). Sizes, periodic neighbours and normalisation are those of src/operators.
"""

import math

import torch
from torch import nn


def perceptron(*sizes):
    layers = [nn.Linear(sizes[0], sizes[1])]
    for inputs, outputs in zip(sizes[1:], sizes[2:]):
        layers += [nn.ReLU(), nn.Linear(inputs, outputs)]
    return nn.Sequential(*layers)


def with_grid(u, first=False):
    """The field and the coordinate i / s: [batch, s, 2]."""
    grid = torch.arange(u.shape[1], dtype=u.dtype).div(u.shape[1]).reshape(1, -1, 1).expand(u.shape[0], -1, 1)
    return torch.cat([grid, u] if first else [u, grid], dim=-1)


class LowRankIntegral(nn.Module):
    """sum_i mean_y sum_r phi_oir(a(x)) psi_oir(a(y)) v_i(y)"""

    def __init__(self, width, rank, hidden):
        super().__init__()
        self.width, self.rank = width, rank
        self.phi = perceptron(2, *hidden, width * width * rank)
        self.psi = perceptron(2, *hidden, width * width * rank)

    def forward(self, a, v):  # a [batch, s, 2], v [batch, s, width]
        shape = (*v.shape[:2], self.width, self.width, self.rank)
        phi = self.phi(a).reshape(shape)
        psi = self.psi(a).reshape(shape)
        coefficients = torch.einsum("bsoir,bsi->boir", psi, v) / v.shape[1]
        return torch.einsum("bsoir,boir->bso", phi, coefficients)


class LNO(nn.Module):
    def __init__(self, width=32, rank=4, layers=4, hidden=(64, 128, 256)):
        super().__init__()
        self.lift = nn.Linear(2, width)
        self.integrals = nn.ModuleList(LowRankIntegral(width, rank, hidden) for _ in range(layers))
        self.local = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.norms = nn.ModuleList(nn.InstanceNorm1d(width, affine=True) for _ in range(layers))
        self.head = nn.Sequential(nn.Linear(width, 128), nn.ReLU(), nn.Linear(128, 1))

    def forward(self, u):  # [batch, s, 1]
        a = with_grid(u)
        v = self.lift(a)
        for i, (integral, local, norm) in enumerate(zip(self.integrals, self.local, self.norms)):
            v = norm((integral(a, v) + local(v)).transpose(1, 2)).transpose(1, 2)
            if i < len(self.local) - 1:
                v = torch.relu(v)
        return self.head(v)


class KernelIntegral(nn.Module):
    """W v_i + b + the mean over the edges (i, j) of kernel(a_i, a_j) v_j; `kernels` makes the matrices once for several v."""

    def __init__(self, width, kernel_width):
        super().__init__()
        self.width = width
        self.local = nn.Linear(width, width)
        self.kernel = perceptron(4, kernel_width, kernel_width, width * width)

    def kernels(self, edges, nodes):  # edges [2, e]: targets, sources; nodes [batch, n, 2] → [batch, e, width, width]
        targets, sources = edges
        attributes = torch.cat([nodes[:, targets], nodes[:, sources]], dim=-1)
        return self.kernel(attributes).reshape(*attributes.shape[:2], self.width, self.width)

    def forward(self, edges, kernels, v):  # v [batch, n, width]
        targets, sources = edges
        messages = torch.einsum("beio,bei->beo", kernels, v[:, sources])
        sums = torch.zeros_like(v).index_add(1, targets, messages)
        degrees = torch.bincount(targets, minlength=v.shape[1]).clamp(min=1)
        return self.local(v) + sums / degrees[:, None]


def ring(n, offsets):
    """Edges [2, e] of the ring of n nodes in which node i hears i + offset for each of offsets(i)."""
    pairs = [(i, (i + offset) % n) for i in range(n) for offset in offsets(i)]
    return torch.tensor(pairs).T.contiguous()


class GNO(nn.Module):
    def __init__(self, width=64, kernel_width=1024, depth=6, radius=0.1):
        super().__init__()
        self.depth, self.radius = depth, radius
        self.lift = nn.Linear(2, width)
        self.integral = KernelIntegral(width, kernel_width)
        self.head = nn.Linear(width, 1)
        self.edges = {}

    def graph(self, s):
        if s not in self.edges:
            reach = min(int(self.radius * s + 1e-9), (s - 1) // 2)
            self.edges[s] = ring(s, lambda _: range(-reach, reach + 1))
        return self.edges[s]

    def forward(self, u):  # [batch, s, 1]
        nodes = with_grid(u, first=True)
        edges = self.graph(u.shape[1])
        kernels = self.integral.kernels(edges, nodes)
        v = self.lift(nodes)
        for _ in range(self.depth):
            v = torch.relu(self.integral(edges, kernels, v))
        return self.head(v)


def interaction_list(n):
    """Nodes 2 or 3 apart whose parents are the same or adjacent, on a ring of n."""

    def offsets(i):
        near = lambda offset: (((i + offset) % n) // 2 - i // 2) % (n // 2) in (0, 1, n // 2 - 1)
        return [offset for offset in ((2,) if n == 4 else (-3, -2, 2, 3)) if near(offset)]

    return ring(n, offsets)


def coarsen(x):
    return x.reshape(x.shape[0], x.shape[1] // 2, 2, -1).mean(dim=2)


class MGNO(nn.Module):
    def __init__(self, width=64, kernel_width=1024, depth=4, levels=9):
        super().__init__()
        self.depth = depth
        self.lift = nn.Linear(2, width)
        self.near = KernelIntegral(width, kernel_width)
        self.interactions = nn.ModuleList(KernelIntegral(width, max(kernel_width // 2**l, 16)) for l in range(levels))
        self.head = nn.Linear(width, 1)
        self.edges = {}

    def graphs(self, s):
        if s not in self.edges:
            levels = min(len(self.interactions), int(math.log2(s)) - 1)
            self.edges[s] = ring(s, lambda _: (-1, 1)), [interaction_list(s >> l) for l in range(levels)]
        return self.edges[s]

    def forward(self, u):  # [batch, s, 1]
        finest = 4 << (len(self.interactions) - 1)
        if u.shape[1] > finest:
            return self.interleaved(u, u.shape[1] // finest)
        return self.cycles(with_grid(u, first=True))

    def interleaved(self, u, m):
        """A grid finer than the finest level as m grids, every m-th point together."""
        batch, s = u.shape[:2]
        nodes = with_grid(u, first=True).reshape(batch, s // m, m, 2).transpose(1, 2).reshape(batch * m, s // m, 2)
        return self.cycles(nodes).reshape(batch, m, s // m, 1).transpose(1, 2).reshape(batch, s, 1)

    def cycles(self, nodes):
        near, graphs = self.graphs(nodes.shape[1])
        near_kernels = self.near.kernels(near, nodes)
        kernels, at = [], nodes
        for integral, edges in zip(self.interactions, graphs):
            kernels.append(integral.kernels(edges, at))
            at = coarsen(at)
        v = self.lift(nodes)
        for _ in range(self.depth):
            far, w = [], v
            for integral, edges, kernel in zip(self.interactions, graphs, kernels):
                far.append(integral(edges, kernel, w))
                w = coarsen(w)
            far[0] = far[0] + self.near(near, near_kernels, v)
            v = torch.relu(far[-1])
            for here in reversed(far[:-1]):
                v = torch.relu(here + v.repeat_interleave(2, dim=1))
        return self.head(v)
