//! Link arguments of the binary, and nothing else.
//!
//! They are here, not in RUSTFLAGS, so that `cargo build` and `cargo install` give the tiny static file everywhere.

use std::env::var;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/start");
    let dir = var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    // A cross target whose configured linker is LLD itself takes the arguments as they are; a C compiler passes them on.
    let bare = var("RUSTC_LINKER").is_ok_and(|linker| linker.ends_with("lld"));
    let pass = |argument: &str| println!("cargo:rustc-link-arg-bins={}{argument}", if bare { "" } else { "-Wl," });
    // 32-bit x86 would need a table of addresses to be loaded anywhere.
    let fixed = var("CARGO_CFG_TARGET_ARCH").is_ok_and(|architecture| architecture == "x86");
    if bare {
        pass(if fixed { "--no-pie" } else { "-pie" });
        pass("--no-dynamic-linker");
    } else {
        // No C library and none of its start files; position independent all the same.
        for argument in ["-nostartfiles", "-nostdlib", if fixed { "-static" } else { "-static-pie" }] {
            println!("cargo:rustc-link-arg-bins={argument}");
        }
        if fixed {
            println!("cargo:rustc-link-arg-bins=-no-pie");
        }
    }
    pass("--build-id=none"); // the same bytes from every folder
    pass("-znorelro"); // there is no writable data to protect
    pass("--no-eh-frame-hdr"); // nothing unwinds
    // Every linker and compiler knows this one, and a comma in the folder's name would part what is passed on.
    println!("cargo:rustc-link-arg-bins=-T{dir}/src/start/{}.ld", if fixed { "x86" } else { "link" });
}
