#pragma once
#define SINTER_VERSION "0.1.0"
