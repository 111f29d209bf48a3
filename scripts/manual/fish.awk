# dmz.fish.in with the options put in.
FNR == NR { next }

FNR == 1 {
    for (i = 1; i <= count; i++) {
        name = names[i]
        if (value[name] == "" || optional[name]) continue
        with = with " --" name
        letters = letters letter[name]
    }
}

/^@OPTIONS$/ {
    for (i = 1; i <= count; i++) {
        name = names[i]
        line = "complete -c dmz -n __dmz_options"
        about = " -d " quoted(text[name])
        what = kind(name)
        # A value that goes only with the equals sign is a name of its own.
        if (optional[name]) print line " -l " name "=" what about
        print line (letter[name] == "" ? "" : " -s " letter[name]) " -l " name \
            (value[name] == "" || optional[name] ? "" : action(name, what)) about
    }
    next
}
{
    gsub(/@SIGNALS/, SIGNALS)
    gsub(/@LETTERS/, letters)
    gsub(/@WITH/, substr(with, 2))
    print
}

function quoted(words) {
    gsub(/['\\]/, "\\\\&", words)
    return "'" words "'"
}

function action(name, what) {
    if (what == "") return " -x"
    if (what == "@file") return " -rF"
    if (what == "@folder") return " -xa '(__fish_complete_directories)'"
    if (what == "@group") return " -xa '(__fish_complete_groups)'"
    if (what == "@groups") return " -xa '(__fish_append , (__fish_complete_groups))'"
    if (what == "@variable") return " -xa '(set -nx)" (name == "env" ? "=" : "") "'"
    if (what == "@owner" || what == "@map") return " -xa '(__dmz_" substr(what, 2) ")'"
    if (sub(/^@list /, "", what)) return " -xa '(__fish_append , " what ")'"
    return " -xa '" what "'"
}
