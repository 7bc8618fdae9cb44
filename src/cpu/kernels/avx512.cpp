#define SINTER_LANES 16
#define SINTER_KERNELS avx512_kernels
#define SINTER_KERNELS_NAME "avx512"
#include "cpu/kernels/table.h"
