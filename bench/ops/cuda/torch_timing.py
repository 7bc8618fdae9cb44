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
