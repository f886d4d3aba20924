/* SPDX-License-Identifier: MIT */
/* What this build is. One object file, linked into the core and each exe, changes with a commit. */
#ifndef K2S_VERSION_H
#define K2S_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

extern const char k2s_version[];         /* "2.0.0" */
extern const char k2s_version_string[];  /* "v2.0.0+5114f85[.dirty]" */
extern const char k2s_version_details[]; /* the indented lines of `<tool> -version` */

#ifdef __cplusplus
}
#endif

#endif
