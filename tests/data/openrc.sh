#!/sbin/openrc-run
description="A program, started and stopped by dmz"
extra_started_commands="reload"
: ${pidfile:=/run/$RC_SVCNAME.pid} ${command:=/usr/sbin/program}

start() { ebegin "Starting $RC_SVCNAME"; dmz -p "$pidfile" -- $command $command_args; eend $?; }
stop() { ebegin "Stopping $RC_SVCNAME"; dmz -p "$pidfile" -K; eend $?; }
status() { dmz -p "$pidfile" -T; }
reload() { ebegin "Reloading $RC_SVCNAME"; dmz -p "$pidfile" -s HUP; eend $?; }
