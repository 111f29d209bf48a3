#!/bin/sh
# An init script in a dozen lines: start, stop, restart, reload, status, with the statuses that LSB asks for.
daemon="dmz -p ${PIDFILE:=/run/program.pid}"
case ${1-} in
    start) $daemon -- ${PROGRAM:=/usr/sbin/program} || [ $? -eq 123 ] ;; # it runs already: so be it
    stop) $daemon -K ;;
    restart) "$0" stop && "$0" start ;;
    reload) $daemon -s HUP ;;
    status) $daemon -T ;;
    *) echo "usage: $0 start|stop|restart|reload|status" >&2; exit 2 ;;
esac
