# SPDX-License-Identifier: MIT
"""What the integration tests stand on: a real server, real agents, clients that trust nothing.

build       which server is tested, and how much slower than usual it may be
waiting     conditions with a deadline, instead of sleeping
server      the server's process
agents      capture agents as processes
manager     what systemd does for a service
threads     a single thread of a process, stopped
producer    the wire protocol, spoken from its documentation and nothing else
login       users and tokens: the server's file of them, and what they send
mjpeg       an MJPEG client that parses strictly
status      /status against its schema
metrics     /metrics as Prometheus reads it
http        requests, and raw bytes
link        a slow link, and clients at its other end
proxies     nginx, HAProxy and Caddy as in docker/, and clients behind them
certificates  an authority that issues them
pictures    what is to be seen in a JPEG
"""
