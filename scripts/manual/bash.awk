# dmz.bash.in with the options put in.
FNR == NR { next }

FNR == 1 {
    for (i = 1; i <= count; i++) {
        name = names[i]
        all = all (letter[name] == "" ? "" : " -" letter[name]) " --" name (optional[name] ? " --" name "=" : "")
        if (value[name] == "" || optional[name]) continue
        letters = letters letter[name]
        with = with (letter[name] == "" ? "" : " -" letter[name]) " --" name
    }
}

/^@VALUES$/ {
    for (i = 1; i <= count; i++) {
        name = names[i]
        if (value[name] != "") {
            print "    " (letter[name] == "" || optional[name] ? "" : "-" letter[name] " | ") "--" name ") " action(kind(name)) " ;;"
        }
    }
    next
}
{
    gsub(/@ALL/, substr(all, 2))
    gsub(/@LETTERS/, letters)
    gsub(/@WITH/, with " ")
    print
}

function action(what) {
    if (what == "") return ":"
    if (what ~ /^@(file|folder|group|owner|variable)$/) return "_dmz_" substr(what, 2)
    if (what == "@groups") return "_dmz_list \"$(compgen -g)\""
    if (what == "@map") return "_dmz_map \"" SIGNALS "\""
    if (sub(/^@list /, "", what)) return "_dmz_list \"" what "\""
    return "_dmz_words \"" what "\""
}
