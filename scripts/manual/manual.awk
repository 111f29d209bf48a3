# dmz.1.in with the headings of the options put in. An option that is not built in is left out, and said so; one that the
# manual does not have is an error.
FNR == NR { next }

/^@OPTION / {
    name = $2
    skips = !(name in value)
    described[name] = 1
    if (skips) {
        print "scripts/docs: not built in: --" name | "cat >&2"
        next
    }
    argument = optional[name] ? " Op = Ns Cm " value[name] : value[name] == "" ? "" : " Ar " value[name]
    if (optional[name]) argument = " Ns" argument
    print ".It " (letter[name] == "" ? "" : "Fl " letter[name] " , ") "Fl -" name argument
    next
}
/^@END/ || /^\.(El|Ss|Sh)/ { skips = 0 }
/^@END/ || skips { next }
/^@/ { bad = "unknown mark: " $0 }
{ sub(/@VERSION/, version); print }

END {
    for (i = 1; i <= count; i++) if (!(names[i] in described)) bad = "not in scripts/manual/dmz.1.in: --" names[i]
    if (bad != "") {
        print "scripts/docs: " bad | "cat >&2"
        exit 1
    }
}
