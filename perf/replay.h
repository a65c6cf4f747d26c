/* SPDX-License-Identifier: BSD-3-Clause */
/* tallyreplay's verbs. Each takes its own command line, argv[0] being the verb; returns the exit
 * status. */
#ifndef TALLYWIRE_PERF_REPLAY_H
#define TALLYWIRE_PERF_REPLAY_H

#define REPLAY_OK     0
#define REPLAY_FAILED 1 /* it was tried, and did not end well */
#define REPLAY_USAGE  2 /* the command line is wrong: nothing was tried */

int burst_make_main(int argc, char **argv);
int send_main(int argc, char **argv);
int watch_main(int argc, char **argv);
int check_main(int argc, char **argv);

#endif
