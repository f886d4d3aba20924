/* SPDX-License-Identifier: MIT */
/* Included by libfyaml, which calls nothing from it. */
