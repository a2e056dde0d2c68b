"""Times PyTorch cases on request: reads one JSON request a line, answers one JSON line. See bench/peer.ts."""

import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F

from flows import flow_sampling, flow_training
from forecasting import forecast_training
from models import MODELS, parameter_count, relative_l2
from mri import VarNet, every_third_column


def gemm(m, k, n, dtype):
    a, b = torch.randn(m, k, dtype=dtype), torch.randn(k, n, dtype=dtype)
    return lambda: a @ b


def conv_forward(batch):
    x, w = torch.randn(batch, 18, 320, 320), torch.randn(18, 18, 3, 3)
    return lambda: F.conv2d(x, w, padding=1)


def conv_backward(batch):
    x = torch.randn(batch, 18, 320, 320, requires_grad=True)
    w = torch.randn(18, 18, 3, 3, requires_grad=True)
    g = torch.randn(batch, 18, 320, 320)
    return lambda: torch.ops.aten.convolution_backward(
        g, x, w, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, [True, True, False]
    )


def rfft(n):
    x = torch.randn(1280, n)
    return lambda: torch.fft.rfft(x)


def truncated(n):
    """What a spectral convolution does: a real transform of which 16 modes are kept."""
    x = torch.randn(20, n, 64)
    return lambda: torch.fft.rfft(x, dim=1)[:, :16].contiguous()


def elementwise(n):
    x = torch.randn(n)
    return lambda: torch.tanh(x * 1.5 + 0.5) * torch.exp(-x * x) + torch.sigmoid(x)


def tiny_ops():
    x = torch.randn(64)

    def run():
        y = x
        for _ in range(500):
            y = torch.tanh(y) * 1.01
        return y

    return run


def training(model, batch, s):
    torch.manual_seed(0)
    net = MODELS[model]()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-4)
    x, y = torch.randn(batch, s, 1), torch.randn(batch, s, 1)

    def step():
        optimizer.zero_grad()
        loss = relative_l2(net(x), y)
        loss.backward()
        optimizer.step()

    step.parameters = parameter_count(net)
    return step


def varnet(coils, height, width, acs, probe, **sizes):
    """The image of random k-space; or v ∘ J Jᵀ v, by reverse mode and then forward mode."""
    torch.manual_seed(0)
    net = VarNet(**sizes).requires_grad_(False)
    kspace, mask = torch.randn(1, coils, height, width, dtype=torch.cfloat), every_third_column(width, acs)
    v = torch.randn(1, height, width)

    def image(k):
        return net(k, mask)

    def run():
        if not probe:
            with torch.no_grad():
                return image(kspace)
        _, pull = torch.func.vjp(image, kspace)
        return v * torch.func.jvp(image, (kspace,), pull(v))[1]

    run.parameters = parameter_count(net)
    return run


CASES = {
    "gemm32": lambda: gemm(1024, 1024, 1024, torch.float32),
    "gemm64": lambda: gemm(1024, 1024, 1024, torch.float64),
    "gemmTall": lambda: gemm(20480, 64, 128, torch.float32),
    "convForward": lambda: conv_forward(1),
    "convBackward": lambda: conv_backward(1),
    "convBackward8": lambda: conv_backward(8),
    "rfft1024": lambda: rfft(1024),
    "rfft320": lambda: rfft(320),
    "truncated1024": lambda: truncated(1024),
    "truncated320": lambda: truncated(320),
    "elementwise": lambda: elementwise(1 << 20),
    "tinyOps": tiny_ops,
    "training": training,
    "varnet": varnet,
    "flowTraining": flow_training,
    "flowSampling": flow_sampling,
    "forecastTraining": forecast_training,
}


def main():
    torch.set_num_threads(int(sys.argv[1]))
    print(json.dumps({"torch": torch.__version__}), flush=True)
    last, run = None, None
    for line in sys.stdin:
        request = json.loads(line)
        asked = (request["case"], request.get("arguments", {}))
        if asked != last:
            last, run = asked, None  # the memory of the last case is free before the next is made
            run = CASES[asked[0]](**asked[1])
            run()
        times = []
        end = time.perf_counter() + request["seconds"]
        while len(times) < 2 or time.perf_counter() < end:
            start = time.perf_counter()
            run()
            times.append((time.perf_counter() - start) * 1e3)
        answer = {
            "median": statistics.median(times),
            "best": min(times),
            "runs": len(times),
            "parameters": getattr(run, "parameters", None),
        }
        print(json.dumps(answer), flush=True)


main()
