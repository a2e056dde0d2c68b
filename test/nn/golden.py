"""Prints golden.json: what PyTorch computes in float64 for parameters and inputs given by formulas.

python3 test/nn/golden.py > test/nn/golden.json
"""
import json
import torch
from torch import nn

torch.set_default_dtype(torch.float64)


def wave(shape, phase):
    """0.5 sin(1.7 i + phase) over the flat index i: the tests make the same arrays."""
    n = int(torch.tensor(shape).prod())
    return (0.5 * torch.sin(1.7 * torch.arange(n) + phase)).reshape(shape)


def fill(parameters, transposed=()):
    """Gives the k-th parameter wave(shape, k); a matrix gets the transpose of our [inputs, outputs] one."""
    with torch.no_grad():
        for k, p in enumerate(parameters):
            p.copy_(wave(p.T.shape, k).T if p.dim() == 2 else wave(p.shape, k))


def flat(t):
    return t.detach().reshape(-1).tolist()


golden = {}

linear = nn.Linear(3, 4)
fill(linear.parameters())
x = wave((2, 5, 3), 10)
golden["linear"] = flat(linear(x))

norm = nn.LayerNorm(6)
fill(norm.parameters())
golden["layerNorm"] = flat(norm(wave((2, 3, 6), 10)))
group = nn.GroupNorm(2, 4)
fill(group.parameters())
golden["groupNorm"] = flat(group(wave((2, 4, 5), 10)))
instance = nn.InstanceNorm1d(4, affine=True)
fill(instance.parameters())
golden["instanceNorm"] = flat(instance(wave((2, 4, 5), 10)))
batch = nn.BatchNorm1d(4)
fill(batch.parameters())
golden["batchNorm"] = flat(batch(wave((3, 4, 5), 10)))

attention = nn.MultiheadAttention(4, 2, batch_first=True)
with torch.no_grad():
    attention.in_proj_weight.copy_(torch.cat([wave((4, 4), k).T for k in (0, 2, 4)]))
    attention.in_proj_bias.copy_(torch.cat([wave((4,), k) for k in (1, 3, 5)]))
    attention.out_proj.weight.copy_(wave((4, 4), 6).T)
    attention.out_proj.bias.copy_(wave((4,), 7))
query, context = wave((2, 3, 4), 10), wave((2, 5, 4), 11)
golden["attention"] = flat(attention(query, context, context, need_weights=False)[0])
causal = torch.triu(torch.full((3, 3), float("-inf")), 1)
golden["causalAttention"] = flat(attention(query, query, query, attn_mask=causal, need_weights=False)[0])

for name, layer in (("lstm", nn.LSTM(3, 4, batch_first=True)), ("gru", nn.GRU(3, 4, batch_first=True))):
    fill(layer.parameters())
    x = wave((2, 5, 3), 10).requires_grad_()
    outputs, state = layer(x)
    loss = (outputs * wave(outputs.shape, 20)).sum()
    gradients = torch.autograd.grad(loss, [*layer.parameters(), x])
    golden[name] = {
        "outputs": flat(outputs),
        "last": flat(state[1] if name == "lstm" else state),
        "gradients": [flat(g.T if g.dim() == 2 else g) for g in gradients],
    }

conv = nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2)
fill(conv.parameters())
golden["convolution"] = flat(conv(wave((2, 4, 7), 10)))
transposed = nn.ConvTranspose2d(2, 3, (3, 2), stride=2)
fill(transposed.parameters())
golden["transposedConvolution"] = flat(transposed(wave((1, 2, 3, 4), 10)))

logits, labels = wave((4, 5), 3), torch.tensor([0, 4, 2, 2])
prediction, target = 3 * wave((4, 5), 3), wave((4, 5), 4)
golden["losses"] = {
    "mse": nn.functional.mse_loss(prediction, target).item(),
    "mae": nn.functional.l1_loss(prediction, target).item(),
    "huber": nn.functional.huber_loss(prediction, target, delta=0.7).item(),
    "relativeL2": ((prediction - target).norm(dim=1) / target.norm(dim=1)).tolist(),
    "crossEntropy": nn.functional.cross_entropy(logits, labels).item(),
    "binaryCrossEntropy": nn.functional.binary_cross_entropy_with_logits(
        prediction, (target > 0).double()
    ).item(),
}


def trajectory(make, scheduler=None, clip=None):
    p = wave((5,), 1).requires_grad_()
    optimizer = make([p])
    points = []
    for _ in range(6):
        optimizer.zero_grad()
        (torch.sin(3 * p) + p**2).sum().backward()
        if clip is not None:
            nn.utils.clip_grad_norm_([p], clip)
        optimizer.step()
        points += flat(p)
    return points


o = torch.optim
golden["optimizers"] = {
    "sgd": trajectory(lambda p: o.SGD(p, lr=0.05, weight_decay=0.1)),
    "momentum": trajectory(lambda p: o.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.1)),
    "nesterov": trajectory(lambda p: o.SGD(p, lr=0.05, momentum=0.9, nesterov=True)),
    "adam": trajectory(lambda p: o.Adam(p, lr=0.05, weight_decay=0.1)),
    "adamw": trajectory(lambda p: o.AdamW(p, lr=0.05, betas=(0.8, 0.95), weight_decay=0.1)),
    "clipped": trajectory(lambda p: o.SGD(p, lr=0.05), clip=1.5),
}


def schedule(make):
    optimizer = o.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for _ in range(8):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return rates


golden["schedules"] = {
    "step": schedule(lambda opt: o.lr_scheduler.StepLR(opt, 3, 0.5)),
    "cosine": schedule(lambda opt: o.lr_scheduler.CosineAnnealingLR(opt, 8, eta_min=0.1)),
}
print(json.dumps(golden))
