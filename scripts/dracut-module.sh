#!/bin/bash
# A module for dracut(8): puts dmz into an initramfs. Copy it to /usr/lib/dracut/modules.d/50dmz/module-setup.sh and say
# `dracut --add dmz`, or `add_dracutmodules+=" dmz "` in dracut.conf(5). DMZ names another file than /usr/bin/dmz, or
# /usr/local/bin/dmz where that is missing.

# Prints the file: dracut itself does not look into /usr/local.
dmz_file() {
    local file=${DMZ:-${dracutsysrootdir-}/usr/bin/dmz}
    [[ -n ${DMZ-} || -f $file ]] || file=${dracutsysrootdir-}/usr/local/bin/dmz
    [[ -f $file ]] && echo "$file"
}

# Only where it is asked for; and 1, not 255, has dracut fail there.
check() {
    dmz_file >/dev/null && return 255
    derror "dmz: no ${DMZ:-/usr/bin/dmz and no /usr/local/bin/dmz} to put into an initramfs"
    return 1
}

depends() {
    return 0
}

install() {
    # One static file: there are no libraries to find.
    # shellcheck disable=SC2154 # dracut sets initdir
    command install -D -m 755 "$(dmz_file)" "$initdir/usr/bin/dmz"
}
