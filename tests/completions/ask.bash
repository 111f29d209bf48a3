# What bash would offer behind each line of a file: bash ask.bash COMPLETION LINES. For tests/completions.rs.
# The words are taken apart as readline does it, and the function is called as it calls it.
. /usr/share/bash-completion/bash_completion
. "$1"
compopt() { :; } # only while bash itself completes
while IFS= read -r line; do
    COMP_LINE=$line COMP_POINT=${#line} COMP_TYPE=9 COMP_KEY=9 COMP_WORDS=() COMPREPLY=()
    for word in $line; do
        while [[ $word =~ ^([^=:]*)([=:]+)(.*)$ ]]; do
            [[ -z ${BASH_REMATCH[1]} ]] || COMP_WORDS+=("${BASH_REMATCH[1]}")
            COMP_WORDS+=("${BASH_REMATCH[2]}")
            word=${BASH_REMATCH[3]}
        done
        [[ -z $word ]] || COMP_WORDS+=("$word")
    done
    [[ $line != *' ' ]] || COMP_WORDS+=('')
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _dmz dmz "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    printf '%s\t' "$line" "${COMPREPLY[@]}"
    printf '\n'
done <"$2"
