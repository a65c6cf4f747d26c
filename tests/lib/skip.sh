#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Stands in for a test that cannot be built here, so that it is reported as skipped and not forgotten.
# Usage: skip.sh REASON
echo "SKIP: $1"
exit 77
