# What zsh would offer behind each line of a file: zsh -f ask.zsh FOLDER LINES. For tests/completions.rs.
# Completion needs the line editor, and that a terminal: an interactive zsh on one of its own writes the answers down.
zmodload zsh/zpty
answers=$(mktemp)
zpty shell "zsh -f -i"
zpty -w shell "fpath=(${(q)1} \$fpath) lines=${(q)2} answers=$answers; source ${(q)0:h}/inside.zsh"
zpty -w -n shell $'\C-x'
while zpty -r shell output; do :; done
cat $answers
rm $answers
