// SPDX-License-Identifier: BSD-3-Clause
/*
 * tallyctl close, cancel, reveal: one word about one window. What each does lies with the appliance
 * (docs/control.md); here they differ in name only.
 */
#include "ctl/verbs.h"

#include "ctl/request.h"
#include "ctl/windows.h"

static int run(const struct args *args)
{
	json_t *params, *window;
	int code = request_target(args, TARGET_INTERACTION, &params);
	if (code == EXIT_DONE)
		code = request(args, args->verb->name, params, &window);
	if (code != EXIT_DONE)
		return code;
	windows_show(window, args->json);
	json_decref(window);
	return EXIT_DONE;
}

const struct verb verb_close = {
	.name = "close",
	.operands = "TENANT/ID",
	.summary = "Close an open window now; slower viewers still answer what they saw in time.",
	.example = "acme/101",
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};

const struct verb verb_cancel = {
	.name = "cancel",
	.operands = "TENANT/ID",
	.summary = "Withdraw a question; its votes are answered \"cancelled\" from now on.",
	.example = "acme/101",
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};

const struct verb verb_reveal = {
	.name = "reveal",
	.operands = "TENANT/ID",
	.summary = "Release a final result to the public.",
	.example = "acme/101",
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};
