#define SINTER_LANES 8
#define SINTER_KERNELS avx2_kernels
#define SINTER_KERNELS_NAME "avx2"
#include "cpu/kernels/table.h"
