#define SINTER_LANES 4
#define SINTER_KERNELS baseline_kernels
#define SINTER_KERNELS_NAME "baseline"
#include "cpu/kernels/table.h"
