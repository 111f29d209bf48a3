# _dmz.in with the options put in.
FNR == NR { next }

/^@OPTIONS$/ {
    for (i = 1; i <= count; i++) {
        name = names[i]
        about = "[" quoted(text[name]) "]"
        behind = value[name] == "" ? "" : ":" quoted(value[name]) ":" action(name, kind(name))
        mark = repeated[name] ? "*" : letter[name] == "" ? "" : "(-" letter[name] " --" name ")"
        if (letter[name] != "") {
            is_switch = value[name] == "" || optional[name]
            print "    '" mark "-" letter[name] (is_switch ? about : "+" about behind) "' \\"
        }
        print "    '" mark "--" name (optional[name] ? "=-" about ":" behind : behind == "" ? about : "=" about behind) "' \\"
    }
    next
}
{
    gsub(/@SIGNALS/, SIGNALS)
    gsub(/@CAPABILITIES/, CAPS)
    gsub(/@LIMITS/, LIMITS)
    print
}

# For use in a specification in single quotes.
function quoted(words) {
    gsub(/'/, "'\\''", words)
    gsub(/\[/, "\\\\[", words) # one by one: some awks read a class of these in their own way
    gsub(/\]/, "\\\\]", words)
    gsub(/:/, "\\\\:", words)
    return words
}

function action(name, what) {
    if (what == "") return " "
    if (what == "@file") return "_files"
    if (what == "@folder") return "_files -/"
    if (what == "@group") return "_groups"
    if (what == "@groups") return "_sequence _groups"
    if (what == "@variable") return "_parameters -g \"*export*\" -qS \"" (name == "env" ? "=" : "") "\""
    if (what == "@owner" || what == "@map") return "_dmz_" substr(what, 2)
    if (what == SIGNALS) return "_dmz_signals"
    if (what == LIMITS) return "_dmz_limits"
    if (name == "caps") return "_sequence _dmz_capabilities"
    if (what ~ /^@list/) return "_sequence _dmz_signals"
    if (what ~ /:/) return "_dmz_words " quoted(what)
    return "(" what ")"
}
