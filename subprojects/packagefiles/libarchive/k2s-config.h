/* SPDX-License-Identifier: MIT */
/* libarchive's answers about the platform, taken from those it ships for hosts of the Android build
 * and narrowed to what K2s links: zlib and no other library. */
#ifndef K2S_LIBARCHIVE_CONFIG_H
#define K2S_LIBARCHIVE_CONFIG_H
#define __LIBARCHIVE_CONFIG_H_INCLUDED 1 /* libarchive asks for this */

#ifdef _WIN32
#include "contrib/android/config/windows_host.h"
#undef WINVER
#undef _WIN32_WINNT
#define WINVER 0x0A00
#define _WIN32_WINNT 0x0A00
#undef HAVE_STAT_EMPTY_STRING_BUG
#define HAVE_LIBZ 1
#define HAVE_ZLIB_H 1
#else
#include "contrib/android/config/linux_host.h"
#undef HAVE_LIBLZMA
#undef HAVE_LZMA_H
#endif

#endif
