# The zsh on a terminal of ask.zsh: ^X writes down, for every line, the words that the completion gives to compadd.
autoload -Uz compinit && compinit -D -u
compadd() {
    if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
        builtin compadd "$@" # an inner call that offers nothing
        return
    fi
    local -a hits
    builtin compadd -O hits "$@"
    offered+=($IPREFIX$^hits)
    builtin compadd "$@"
}
ask() {
    local line
    for line in "${(@f)$(<$lines)}"; do
        BUFFER=$line CURSOR=$#line offered=()
        zle list-choices
        print -r -- "$line"$'\t'"${(pj:\t:)${(@u)offered}}" >>$answers
    done
    exit
}
zle -N ask && bindkey '^X' ask
