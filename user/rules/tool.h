/* SPDX-License-Identifier: GPL-2.0-only */
/* The packet filters' own tools: run, read, never with a shell. */
#ifndef WHYDROP_RULES_TOOL_H
#define WHYDROP_RULES_TOOL_H

/*
 * What argv prints on stdout, of 256 MiB at most, as a string to free(); stderr goes nowhere. NULL
 * with errno: ENOENT where there is no such program, EIO where it failed or said too much.
 */
char *tool_output(const char *const argv[]);

#endif
