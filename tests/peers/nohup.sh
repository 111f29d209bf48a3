# What people type: nohup.sh PIDFILE PROGRAM ARGUMENTS
pidfile=$1
shift
cd / && nohup "$@" </dev/null >/dev/null 2>&1 &
echo $! >"$pidfile"
