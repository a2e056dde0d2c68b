"""Straightforward PyTorch versions of the forecasting networks, at the sizes of the experiment covid: the peers that Sextant is timed
against. Histories are [batch, history, states, quantities], forecasts [batch, horizon, states, quantities]."""

import torch
from torch import nn

from models import parameter_count, relative_l2
from spaceTime import MultiwaveletKernels, PadeKernels, fno, lno, wavelet_operator


class SpaceTimeForecaster(nn.Module):
    """States and quantities are the axes of space, the days ahead are time, the days seen are channels, the same at every day ahead."""

    def __init__(self, operator, horizon):
        super().__init__()
        self.operator, self.horizon = operator, horizon

    def forward(self, days):
        seen = days.permute(0, 2, 3, 1).unsqueeze(3)
        u = seen.expand(-1, -1, -1, self.horizon, -1)
        return self.operator(u).squeeze(4).permute(0, 3, 1, 2)


# Operators for histories of so many days.
OPERATORS = {
    "fno-3d": lambda days: fno(days, 20, (10, 2, 4), layers=4),
    "pade-3d": lambda days: wavelet_operator(days, 2, 3, (10, 1, 4), layers=1, kernels=PadeKernels),
    "mwt-3d": lambda days: wavelet_operator(days, 3, 4, (12, 1, 4), layers=4, kernels=MultiwaveletKernels),
    "lno-3d": lambda days: lno(days, 16, 2, (32, 60), layers=4),
}


def forecaster(model, history, horizon, states, quantities):
    return SpaceTimeForecaster(OPERATORS[model](history), horizon)


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
