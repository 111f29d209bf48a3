# What fish would offer behind each line of a file: fish ask.fish COMPLETION LINES. For tests/completions.rs.
source $argv[1]
while read -l --delimiter \n line
    printf '%s\t' $line (complete -C $line | string replace -r '\t.*' '')
    echo
end <$argv[2]
