/* SPDX-License-Identifier: MIT */
/* Frozen with 1.0: include <k2s/abi/executor.h>. This name remains for plugins that were written
 * before. */
#ifndef K2S_ABI_DRAFT_EXECUTOR_H
#define K2S_ABI_DRAFT_EXECUTOR_H

#include <k2s/abi/executor.h>

#endif
