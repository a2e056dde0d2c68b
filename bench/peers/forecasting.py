"""Straightforward PyTorch versions of the forecasting networks, at the sizes of the experiment covid: the peers that Sextant is timed
against. Histories are [batch, history, states, quantities], forecasts [batch, horizon, states, quantities].

Sequence to sequence: Sutskever et al. 2014. Transformer: Vaswani et al. 2017, with the norm before each part. Neural differential
equation: Chen et al. 2018. Operators over space and time stand in spaceTime.py.
"""

import math

import torch
from torch import nn

from models import parameter_count, relative_l2
from spaceTime import MultiwaveletKernels, PadeKernels, Perceptron, fno, lno, wavelet_operator


class SpaceTimeForecaster(nn.Module):
    """States and quantities are the axes of space, the days ahead are time, the days seen are channels, the same at every day ahead."""

    def __init__(self, operator, horizon):
        super().__init__()
        self.operator, self.horizon = operator, horizon

    def forward(self, days):
        seen = days.permute(0, 2, 3, 1).unsqueeze(3)
        u = seen.expand(-1, -1, -1, self.horizon, -1)
        return self.operator(u).squeeze(4).permute(0, 3, 1, 2)


class Seq2Seq(nn.Module):
    """One LSTM reads the days, another writes the next ones, each fed with the day before."""

    def __init__(self, horizon, states, quantities, hidden=400):
        super().__init__()
        self.horizon = horizon
        self.encoder = nn.LSTM(states * quantities, hidden, batch_first=True)
        self.decoder = nn.LSTMCell(states * quantities, hidden)
        self.head = nn.Linear(hidden, states * quantities)

    def forward(self, days):
        sequence = days.flatten(2)
        state = tuple(part[0] for part in self.encoder(sequence)[1])
        day, forecast = sequence[:, -1], []
        for _ in range(self.horizon):
            state = self.decoder(day, state)
            day = self.head(state[0])
            forecast.append(day)
        return torch.stack(forecast, dim=1).unflatten(2, days.shape[2:])


class Transformer(nn.Module):
    """The days seen, and one learned query for each day ahead, attend to each other; the queries come out as the forecast."""

    def __init__(self, history, horizon, states, quantities, width=64, heads=4, hidden=120, layers=1):
        super().__init__()
        self.history = history
        self.embed = nn.Linear(states * quantities, width)
        self.queries = nn.Parameter(0.02 * torch.randn(horizon, width))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, heads, hidden, dropout=0, activation="gelu", batch_first=True, norm_first=True)
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, states * quantities)
        angles = torch.arange(history + horizon)[:, None] * torch.exp(-math.log(10_000) * torch.arange(0, width, 2) / width)
        self.register_buffer("positions", torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1))

    def forward(self, days):
        seen = self.embed(days.flatten(2))
        v = torch.cat([seen, self.queries.expand(days.shape[0], -1, -1)], dim=1) + self.positions
        for layer in self.layers:
            v = layer(v)
        return self.head(self.norm(v[:, self.history :])).unflatten(2, days.shape[2:])


def runge_kutta_4(f, y, h):
    k1 = f(y)
    k2 = f(y + h / 2 * k1)
    k3 = f(y + h / 2 * k2)
    k4 = f(y + h * k3)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


class NeuralODE(nn.Module):
    """A latent state follows dz/dt = f(z), one step of the Runge-Kutta method of order 4 a day, and is decoded on each day ahead."""

    def __init__(self, history, horizon, states, quantities, width=64, hidden=500):
        super().__init__()
        self.horizon = horizon
        self.encoder = nn.Linear(history * states * quantities, width)
        self.field = Perceptron(width, hidden, width)
        self.decoder = nn.Linear(width, states * quantities)

    def forward(self, days):
        rate = lambda z: self.field(z, activation=torch.tanh)
        z, path = self.encoder(days.flatten(1)), []
        for _ in range(self.horizon):
            z = runge_kutta_4(rate, z, 1.0)
            path.append(z)
        return self.decoder(torch.stack(path, dim=1)).unflatten(2, days.shape[2:])


# Operators over space and time for histories of so many days.
OPERATORS = {
    "fno-3d": lambda days: fno(days, 20, (10, 2, 4), layers=4),
    "pade-3d": lambda days: wavelet_operator(days, 2, 3, (10, 1, 4), layers=1, kernels=PadeKernels),
    "mwt-3d": lambda days: wavelet_operator(days, 3, 4, (12, 1, 4), layers=4, kernels=MultiwaveletKernels),
    "lno-3d": lambda days: lno(days, 16, 2, (32, 60), layers=4),
}


NETWORKS = {
    "seq2seq": lambda history, **shape: Seq2Seq(**shape),
    "transformer": lambda **shape: Transformer(**shape),
    "neural-ode": lambda **shape: NeuralODE(**shape),
}


def forecaster(model, **shape):
    if model in NETWORKS:
        return NETWORKS[model](**shape)
    return SpaceTimeForecaster(OPERATORS[model](shape["history"]), shape["horizon"])


def forecast_training(model, batch, shape):
    torch.manual_seed(0)
    net = forecaster(model, **shape)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-4)
    day = (shape["states"], shape["quantities"])
    history, future = torch.randn(batch, shape["history"], *day), torch.randn(batch, shape["horizon"], *day)

    def step():
        optimizer.zero_grad()
        loss = relative_l2(net(history), future)
        loss.backward()
        optimizer.step()

    step.parameters = parameter_count(net)
    return step
