"""Converts a PyTorch checkpoint to .safetensors: convertCheckpoint.py CHECKPOINT.pt OUTPUT.safetensors [--trust]

Takes a state dict, or a checkpoint of PyTorch Lightning that holds one, and writes its float tensors under their own names as
float32. fastMRI's E2E-VarNet and U-Net are then read by loadFastMriVarNet and loadFastMriUNet. Needs PyTorch alone. A checkpoint
that holds other Python objects beside tensors is refused, because reading it can run any code; --trust reads it all the same.
"""

import argparse
import json
import pickle
import sys

import torch


def tensors_of(path, trust):
    content = torch.load(path, map_location="cpu", weights_only=not trust)
    named = content.get("state_dict", content) if isinstance(content, dict) else {}
    tensors = {name: value for name, value in named.items() if torch.is_tensor(value) and value.is_floating_point()}
    if not tensors:
        sys.exit(f"{path}: holds no tensors by name; expected a state dict, or a checkpoint with one as 'state_dict'")
    return {name: value.to(torch.float32).contiguous() for name, value in tensors.items()}


def write_safetensors(path, tensors):
    header, end = {}, 0
    for name, value in tensors.items():
        size = 4 * value.numel()
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for value in tensors.values():
            file.write(value.numpy().tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint")
    parser.add_argument("output")
    parser.add_argument("--trust", action="store_true", help="read checkpoints that hold other Python objects")
    arguments = parser.parse_args()
    try:
        tensors = tensors_of(arguments.checkpoint, arguments.trust)
    except (OSError, pickle.UnpicklingError, RuntimeError) as error:
        sys.exit(f"{arguments.checkpoint}: {str(error).splitlines()[0]}")
    write_safetensors(arguments.output, tensors)
    print(f"{arguments.output}: {len(tensors)} tensors, {sum(value.numel() for value in tensors.values())} values")


main()
