# From `strace -f` of a start to a picture: a column for each process, from top to bottom what happens one after another.
BEGIN {
    split("launcher|session process|daemon", names, "|")
    width = 262; gap = 26; line = 24; top = 86
}

function say(pid, words) {
    if (words == said[pid]) return # many calls for one thing
    said[pid] = words
    rows++
    where[rows] = pid
    what[rows] = words
}

/execve\("[^"]*dmz", / && !starts { starts = 1; column[$1] = columns = 1; order[1] = $1; next }
!starts || done[$1] { next }
/rt_sigprocmask\(SIG_SETMASK, ~\[\]/ { say($1, "blocks every signal") }
/PR_SET_CHILD_SUBREAPER, 1/ { say($1, "adopts what could be orphaned") }
/ clone\(|vfork\(/ {
    parent = $1
    rows++
    where[rows] = parent
    what[rows] = "clone"
}
!($1 in column) && /^[0-9]+ / {
    # The first sign of a new process: the one that was cloned last.
    column[$1] = ++columns
    order[columns] = $1
    what[rows] = "starts a process, and sleeps"
    starts_at[columns] = rows
}
/ setsid\(/ { say($1, "makes a new session") }
/rt_sigaction\(/ && column[$1] == 3 { say($1, "gives every signal its default") }
/close_range\(/ { say($1, "closes every descriptor") }
/"\/dev\/null"/ { say($1, "opens the null device as 0, 1, 2") }
/"x\.pid", .*O_CREAT/ { say($1, "makes or opens the pidfile") }
/F_SETLK/ { say($1, "locks it, for the program's life") }
/pwrite64\(.*\\n"/ { say($1, "writes its process id") }
/"log", / { say($1, "opens the output") }
/dup3\([3-9]/ { say($1, "redirects standard output") }
/ chdir\("\/"\)/ { say($1, "goes to /") }
/rt_sigprocmask\(SIG_SETMASK, \[\]/ { say($1, "unblocks the signals") }
/execve\("\/bin\/sleep"/ { say($1, "executes the program"); done[$1] = 1 }
/setpgid.*EACCES/ { say($1, "has the kernel prove the exec") }
/exit_group\(/ { say($1, column[$1] == 1 ? "returns 0" : "ends"); done[$1] = 1 }

END {
    if (columns != 3 || !rows) {
        print "scripts/picture: the trace has " columns " processes, not 3" | "cat >&2"
        exit 1
    }
    height = top + rows * line + 62
    all = 3 * width + 4 * gap
    print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " all " " height "\" role=\"img\">"
    print "<title>The processes of dmz -p FILE -o FILE -- PROGRAM</title>"
    print "<desc>Made by scripts/picture from a trace of the system calls.</desc>"
    print "<style>text{font:14px sans-serif;fill:#1f2328}.n{font-weight:bold}.b{fill:#fff;stroke:#8c959f}" \
        ".l{stroke:#8c959f;stroke-dasharray:3 3}.a{stroke:#0969da;stroke-width:1.5}.p{fill:#dafbe1;stroke:#1a7f37}</style>"
    print "<rect width=\"" all "\" height=\"" height "\" rx=\"8\" fill=\"#f6f8fa\"/>"
    print "<defs><marker id=\"m\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\">" \
        "<path d=\"M0 0L8 4L0 8z\" fill=\"#0969da\"/></marker></defs>"
    text(gap, 30, "n", "dmz -p FILE -o FILE -- PROGRAM")
    for (i = 1; i <= 3; i++) last[i] = first[i] = 0
    for (row = 1; row <= rows; row++) {
        at = column[where[row]]
        if (!first[at]) first[at] = row
        last[at] = row
    }
    for (i = 1; i <= 3; i++) {
        from = i == 1 ? 0 : starts_at[i]
        y = top + from * line - (i == 1 ? 30 : 6)
        to = i == 3 ? rows + 1 : last[i]
        print "<line class=\"l\" x1=\"" left(i) + 10 "\" y1=\"" y + 22 "\" x2=\"" left(i) + 10 "\" y2=\"" top + to * line "\"/>"
        print "<rect class=\"b\" x=\"" left(i) "\" y=\"" y "\" width=\"" width "\" height=\"22\" rx=\"4\"/>"
        text(left(i) + 10, y + 16, "n", names[i])
        if (i > 1) print "<line class=\"a\" x1=\"" left(i - 1) + width - 8 "\" y1=\"" y + 11 "\" x2=\"" left(i) - 2 "\" y2=\"" y + 11 \
            "\" marker-end=\"url(#m)\"/>"
    }
    for (row = 1; row <= rows; row++) {
        at = column[where[row]]
        y = top + row * line
        print "<circle cx=\"" left(at) + 10 "\" cy=\"" y + 6 "\" r=\"3\" fill=\"#0969da\"/>"
        text(left(at) + 22, y + 11, "", what[row])
    }
    y = top + (rows + 1) * line
    print "<rect class=\"p\" x=\"" left(3) "\" y=\"" y "\" width=\"" width "\" height=\"24\" rx=\"4\"/>"
    text(left(3) + 10, y + 17, "n", "the program, holding the lock")
    print "</svg>"
}

function left(i) { return gap + (i - 1) * (width + gap) }
function text(x, y, class, words) {
    print "<text x=\"" x "\" y=\"" y "\"" (class == "" ? "" : " class=\"" class "\"") ">" words "</text>"
}
