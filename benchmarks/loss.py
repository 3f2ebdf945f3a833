"""Peak memory and time of the loss over the whole catalogue, forward and backward, against logits that exist whole.

Each round runs both in processes of their own, alternating. Memory is the most that the process held during the loss, less what it held
before, inputs included. The last line is how many times less memory is needed; times are on the line of each number format.

    python benchmarks/loss.py [--items 100000] [--targets 2000] [--rounds 3]
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

REPEATS = 3
FORMATS = ("float32", "bfloat16")


def held(what: str) -> float:
    """MiB of this process: VmRSS = now, VmHWM = the most so far."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(what))


def one(which: str, precision: str, items: int, targets: int, dim: int) -> dict[str, float]:
    """Seconds of a loss with its gradients, and the MiB it needed."""
    import torch
    from torch.nn import functional as F

    from penchant.nn.losses import FullSoftmax

    torch.manual_seed(0)
    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    hidden = F.normalize(torch.randn(targets, dim), dim=-1).div(0.05).requires_grad_()
    weight = F.normalize(torch.randn(items, dim), dim=-1).requires_grad_()
    wanted = torch.randint(items, (targets,))
    ours = FullSoftmax(dtype)

    def whole() -> Any:
        with torch.autocast("cpu", dtype=dtype, enabled=dtype != torch.float32):
            logits = hidden @ weight.t()
        return F.cross_entropy(logits.float(), wanted)

    before, seconds = held("VmRSS"), []
    for _ in range(1 + REPEATS):
        hidden.grad = weight.grad = None
        begun = time.perf_counter()
        loss = ours(hidden, weight, wanted) if which == "ours" else whole()
        loss.backward()
        seconds.append(time.perf_counter() - begun)
    return {"seconds": statistics.median(seconds[1:]), "mib": held("VmHWM") - before, "loss": float(loss)}


def measured(which: str, precision: str, asked: argparse.Namespace) -> dict[str, float]:
    """What a process of its own says."""
    command = [sys.executable, __file__, "--one", which, "--precision", precision]
    sizes = ["--items", str(asked.items), "--targets", str(asked.targets), "--dim", str(asked.dim)]
    run = subprocess.run([*command, *sizes], check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(run.stdout)
    return found


def compare(precision: str, asked: argparse.Namespace) -> list[float]:
    """How many times less memory, one a round; prints a line."""
    rounds = [(measured("ours", precision, asked), measured("whole", precision, asked)) for _ in range(asked.rounds)]
    ours, whole = ([pair[side] for pair in rounds] for side in (0, 1))
    times = sorted(mine["seconds"] / other["seconds"] for mine, other in rounds)
    print(
        f"{precision}: {statistics.median(r['mib'] for r in ours):,.0f} MiB and {statistics.median(r['seconds'] for r in ours):.2f} s "
        f"against {statistics.median(r['mib'] for r in whole):,.0f} MiB and {statistics.median(r['seconds'] for r in whole):.2f} s; "
        f"loss {ours[0]['loss']:.4f} and {whole[0]['loss']:.4f}; time × {statistics.median(times):.2f} ({times[0]:.2f}–{times[-1]:.2f})",
        flush=True,
    )
    return sorted(other["mib"] / mine["mib"] for mine, other in rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--targets", type=int, default=2_000)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", choices=FORMATS, help="only this one")
    parser.add_argument("--one", choices=("ours", "whole"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one(asked.one, asked.precision, asked.items, asked.targets, asked.dim)))
        return
    ratios = {precision: compare(precision, asked) for precision in ([asked.precision] if asked.precision else FORMATS)}
    least = min(ratios.values(), key=statistics.median)
    print(f"ratio {statistics.median(least):.1f} ({least[0]:.1f}–{least[-1]:.1f})")


if __name__ == "__main__":
    main()
