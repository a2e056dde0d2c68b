"""E2E-VarNet and its U-Net in PyTorch, from the formulas of Sriram et al. 2020 (arXiv 2004.06688): the peers that Sextant is timed
against and compared with. Modules bear the names of fastMRI's, so that its state dicts fit.

k-space is complex [batch, coils, h, w] with its centre in the middle, the mask a bool [w]. Run as a script, mri.py OPTIONS FOLDER
writes a checkpoint of random weights and what the network makes of random k-space; see test/mri/fastMriWeights.test.ts.
"""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn


def fft2c(x):
    return torch.fft.fftshift(torch.fft.fft2(torch.fft.ifftshift(x, (-2, -1)), norm="ortho"), (-2, -1))


def ifft2c(x):
    return torch.fft.fftshift(torch.fft.ifft2(torch.fft.ifftshift(x, (-2, -1)), norm="ortho"), (-2, -1))


def rss(x):
    return x.abs().square().sum(1).sqrt()


class ConvBlock(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        halves = [
            [nn.Conv2d(n, outputs, 3, padding=1, bias=False), nn.InstanceNorm2d(outputs), nn.LeakyReLU(0.2), nn.Dropout2d(0)]
            for n in (inputs, outputs)
        ]
        self.layers = nn.Sequential(*halves[0], *halves[1])

    def forward(self, x):
        return self.layers(x)


class TransposeConvBlock(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(inputs, outputs, 2, stride=2, bias=False), nn.InstanceNorm2d(outputs), nn.LeakyReLU(0.2)
        )

    def forward(self, x):
        return self.layers(x)


class Unet(nn.Module):
    def __init__(self, inputs, outputs, channels, pools):
        super().__init__()
        widths = [channels * 2**level for level in range(pools)]
        self.down_sample_layers = nn.ModuleList(ConvBlock(a, b) for a, b in zip([inputs, *widths], widths))
        self.conv = ConvBlock(widths[-1], 2 * widths[-1])
        self.up_transpose_conv = nn.ModuleList(TransposeConvBlock(2 * n, n) for n in reversed(widths))
        blocks = [ConvBlock(2 * n, n) for n in reversed(widths)]
        blocks[-1] = nn.Sequential(blocks[-1], nn.Conv2d(channels, outputs, 1))
        self.up_conv = nn.ModuleList(blocks)

    def forward(self, x):
        skipped = []
        for block in self.down_sample_layers:
            x = block(x)
            skipped.append(x)
            x = F.avg_pool2d(x, 2)
        x = self.conv(x)
        for rise, block in zip(self.up_transpose_conv, self.up_conv):
            x, skip = rise(x), skipped.pop()
            rows, columns = (skip.shape[axis] - x.shape[axis] for axis in (2, 3))
            if rows or columns:
                x = F.pad(x, (0, columns, 0, rows), "reflect")
            x = block(torch.cat([x, skip], 1))
        return x


class NormUnet(nn.Module):
    def __init__(self, channels, pools):
        super().__init__()
        self.unet = Unet(2, 2, channels, pools)

    def forward(self, z):  # complex [batch, 1, h, w]
        x = torch.cat([z.real, z.imag], 1)
        mean, std = x.mean((2, 3), keepdim=True), x.std((2, 3), keepdim=True)
        h, w = x.shape[2:]
        missing = [-n % 16 for n in (w, h)]
        left, top = (n // 2 for n in missing)
        padded = F.pad((x - mean) / std, (left, missing[0] - left, top, missing[1] - top))
        y = self.unet(padded)[:, :, top : top + h, left : left + w] * std + mean
        return torch.complex(y[:, :1], y[:, 1:])


class SensitivityModel(nn.Module):
    def __init__(self, channels, pools):
        super().__init__()
        self.norm_unet = NormUnet(channels, pools)

    def forward(self, kspace, mask):
        batch, coils, h, w = kspace.shape
        sampled, centre = mask.int().tolist(), w // 2
        left, right = (run.index(0) if 0 in run else len(run) for run in (sampled[:centre][::-1], sampled[centre:]))
        lines = max(2 * min(left, right), 1)
        start = (w - lines + 1) // 2
        calibration = torch.zeros_like(kspace)
        calibration[..., start : start + lines] = kspace[..., start : start + lines]
        images = self.norm_unet(ifft2c(calibration).reshape(batch * coils, 1, h, w)).reshape(kspace.shape)
        return images / rss(images).unsqueeze(1)


class VarNetBlock(nn.Module):
    def __init__(self, channels, pools):
        super().__init__()
        self.model = NormUnet(channels, pools)
        self.dc_weight = nn.Parameter(torch.ones(1))

    def forward(self, kspace, measured, mask, sensitivities):
        image = (sensitivities.conj() * ifft2c(kspace)).sum(1, keepdim=True)
        consistency = torch.where(mask, kspace - measured, 0) * self.dc_weight
        return kspace - consistency - fft2c(sensitivities * self.model(image))


class VarNet(nn.Module):
    def __init__(self, cascades, channels, pools, sensitivityChannels, sensitivityPools):
        super().__init__()
        self.sens_net = SensitivityModel(sensitivityChannels, sensitivityPools)
        self.cascades = nn.ModuleList(VarNetBlock(channels, pools) for _ in range(cascades))

    def forward(self, kspace, mask):
        measured = torch.where(mask, kspace, 0)
        sensitivities = self.sens_net(measured, mask)
        kspace = measured
        for cascade in self.cascades:
            kspace = cascade(kspace, measured, mask, sensitivities)
        return rss(ifft2c(kspace))


def every_third_column(width, acs_lines):
    start = (width - acs_lines + 1) // 2
    columns = torch.arange(width)
    return (columns % 3 == 0) | ((columns >= start) & (columns < start + acs_lines))


def write_example(options, folder):
    """checkpoint.pt as PyTorch Lightning leaves one: a VarNet, a U-Net, and what each makes of random data."""
    torch.manual_seed(0)
    shape = options.pop("shape")
    net = VarNet(**options)
    for cascade in net.cascades:
        nn.init.uniform_(cascade.dc_weight, 0.5, 1.5)
    kspace, mask = torch.randn(shape, dtype=torch.cfloat), every_third_column(shape[-1], 6)
    unet = Unet(1, 1, options["channels"], options["pools"])
    picture = torch.randn(2, 1, *shape[-2:])
    with torch.no_grad():
        image, processed = net(kspace, mask), unet(picture)
    named = {f"varnet.{name}": value for name, value in net.state_dict().items()}
    named |= {f"unet.{name}": value for name, value in unet.state_dict().items()}
    example = {
        "example.re": kspace.real.contiguous(),
        "example.im": kspace.imag.contiguous(),
        "example.mask": mask.float(),
        "example.image": image,
        "example.picture": picture,
        "example.processed": processed,
    }
    torch.save({"state_dict": named | example}, folder / "checkpoint.pt")


if __name__ == "__main__":
    write_example(json.loads(sys.argv[1]), Path(sys.argv[2]))
