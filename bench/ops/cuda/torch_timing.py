"""What the GPU comparisons with PyTorch share: timing by captured graphs, and calls into libbench_ops_cuda.so."""

import ctypes

import torch

LAUNCHES = 20  # in a graph, so that the gaps between launches count and the host does not


def median_us(run, rounds=15):
    """Median time of one launch in microseconds, from replays of a captured graph."""
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(LAUNCHES):
            run()
    graph.replay()
    times = []
    for _ in range(rounds):
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        graph.replay()
        stop.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(stop) * 1e3 / LAUNCHES)
    return sorted(times)[rounds // 2]


def distance(actual, wanted):
    """Relative distance from a float64 tensor."""
    return float((actual.double() - wanted).norm() / wanted.norm())


def copy_ceiling():
    """GB/s of a kernel that reads 2 GB and writes as much; the copy that the driver makes of a graph's copy node is slower (2.7 TB/s)."""
    big = torch.randn(1 << 30, device="cuda", dtype=torch.float16)
    copy = torch.empty_like(big)
    return 2 * big.numel() * 2 / median_us(lambda: torch.neg(big, out=copy), 5) / 1e3


def flat(tensors):
    """One float64 vector of a tensor or of several."""
    return torch.cat([t.reshape(-1).double() for t in (tensors if isinstance(tensors, tuple) else (tensors,))])


def report_bandwidth(name, size, ceiling, ours, peer, arguments, result):
    """Prints a line that compares `ours`, whose result on the arguments `result` gives, with peer(*arguments), eager and compiled.
    `size`: bytes that must move. The truth is the peer's on float64 arguments."""
    torch._dynamo.reset()
    compiled = torch.compile(peer, dynamic=False)
    with torch.no_grad():
        wanted = flat(peer(*(a.double() if isinstance(a, torch.Tensor) and a.is_floating_point() else a for a in arguments)))
        error_peer, error = distance(flat(compiled(*arguments)), wanted), distance(flat(result()), wanted)
        del wanted
        mine, eager, fused = median_us(ours), median_us(lambda: peer(*arguments)), median_us(lambda: compiled(*arguments))
    rate = size / mine / 1e3
    print(f"{name:52s} {mine:7.1f} us {rate:6.0f} GB/s {100 * rate / ceiling:4.0f} % | eager {eager:7.1f} us, compiled {fused:7.1f} us"
          f" | {min(eager, fused) / mine:5.2f}x | error {error:.1e}, peer {error_peer:.1e}", flush=True)


class Library:
    """Calls functions of the shared library with tensors, integers and floats, on PyTorch's current stream."""

    def __init__(self, path):
        self.library = ctypes.CDLL(path)

    def call(self, name, *arguments):
        def convert(x):
            if isinstance(x, torch.Tensor):
                return ctypes.c_void_p(x.data_ptr())
            return ctypes.c_float(x) if isinstance(x, float) else ctypes.c_long(x)

        stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
        if getattr(self.library, name)(*map(convert, arguments), stream) != 0:
            raise SystemExit(1)
