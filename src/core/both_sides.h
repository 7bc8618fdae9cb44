#pragma once
// Marks what the host and the kernels of a device run by the same lines.

#ifdef __CUDACC__
#define SINTER_BOTH_SIDES __host__ __device__
#else
#define SINTER_BOTH_SIDES
#endif
