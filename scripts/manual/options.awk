# Reads `dmz --help`, two options a line, into tables; what the other awk files work with.
#   ` -p, --pidfile FILE     text`, 40 columns each: the letter may be missing; behind the name is a value, `[=value]`, or
#   nothing and two blanks; a star at the end of the text means that the option may be repeated.
FNR == NR {
    if (substr($0, 1, 1) != " ") next
    option(substr($0, 1, 40))
    option(substr($0, 41))
}

function option(cell,    name, rest) {
    sub(/ +$/, "", cell)
    if (!match(cell, /--[a-z0-9-]+/)) return
    name = substr(cell, RSTART + 2, RLENGTH - 2)
    rest = substr(cell, RSTART + RLENGTH)
    names[++count] = name
    letter[name] = substr(cell, 2, 1) == "-" ? substr(cell, 3, 1) : ""
    value[name] = ""
    optional[name] = rest ~ /^\[=/
    if (optional[name]) {
        value[name] = substr(rest, 3, index(rest, "]") - 3)
    } else if (rest ~ /^ [^ ]/) {
        value[name] = substr(rest, 2, match(substr(rest, 2) " ", / /) - 1)
    }
    text[name] = rest
    sub(/^(\[=[^]]*\]| [^ ]+)? +/, "", text[name])
    repeated[name] = sub(/\*$/, "", text[name])
}

# The words that a value of this option can be, or what kind of thing it is, with an @.
function kind(name,    v) {
    v = value[name]
    if (v == "FILE") return "@file"
    if (v == "DIR") return "@folder"
    if (v == "USER[:GROUP]") return "@owner"
    if (v == "GROUP") return "@group"
    if (v == "G,...") return "@groups"
    if (v == "SIG") return SIGNALS
    if (v == "A:B") return "@map"
    if (name == "exit-ok") return "@list " SIGNALS
    if (name == "caps") return "@list none " CAPS
    if (name == "env" || name == "unset") return "@variable"
    if (name == "rlimit") return LIMITS
    if (name == "ionice") return "none realtime best-effort idle"
    if (name == "sched") return "other fifo: rr: batch idle"
    if (name == "ready") return "exec fd: notify exit exit:"
    if (name == "target") return "process group"
    if (name == "at-exit") return "exit poweroff reboot halt"
    if (optional[name]) return v
    return ""
}

BEGIN {
    SIGNALS = "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN " \
        "TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS RTMIN RTMAX"
    CAPS = "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable " \
        "net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot " \
        "sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease " \
        "audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read " \
        "perfmon bpf checkpoint_restore"
    LIMITS = "cpu= fsize= data= stack= core= rss= nproc= nofile= memlock= as= locks= sigpending= msgqueue= nice= " \
        "rtprio= rttime="
}
