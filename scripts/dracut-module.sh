#!/bin/bash
# A module for dracut(8): puts dmz into an initramfs. Copy it to /usr/lib/dracut/modules.d/50dmz/module-setup.sh and say
# `dracut --add dmz`, or `add_dracutmodules+=" dmz "` in dracut.conf(5). DMZ names another file than /usr/bin/dmz.

# Only where it is asked for.
check() {
    return 255
}

depends() {
    return 0
}

install() {
    # One static file: there are no libraries to find.
    # shellcheck disable=SC2154 # dracut sets initdir
    command install -D -m 755 "${DMZ:-/usr/bin/dmz}" "$initdir/usr/bin/dmz"
}
