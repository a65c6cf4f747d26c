#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A service manager's end of sd_notify: prints each message on a line, until it is told STOPPING=1.

usage: notify_socket.py SOCKET
"""
import os
import socket
import sys

listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o600)  # root's: tallyd must have it open before it gives root up
print("listens", flush=True)
message = ""
while "STOPPING=1" not in message:
    message = listener.recv(4096).decode()
    print(message, flush=True)
