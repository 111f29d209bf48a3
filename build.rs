//! Link arguments of the binary, and nothing else.
//!
//! They are here, not in RUSTFLAGS, so that `cargo build` and `cargo install` give the tiny static file everywhere.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/start/link.ld");
    let dir = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    // A cross target whose configured linker is LLD itself takes the arguments as they are; a C compiler passes them on.
    let bare = std::env::var("RUSTC_LINKER").is_ok_and(|linker| linker.ends_with("lld"));
    let pass = |argument: &str| println!("cargo:rustc-link-arg-bins={}{argument}", if bare { "" } else { "-Wl," });
    if bare {
        pass("-pie");
        pass("--no-dynamic-linker");
    } else {
        // No C library and none of its start files; position independent all the same.
        for argument in ["-nostartfiles", "-nostdlib", "-static-pie"] {
            println!("cargo:rustc-link-arg-bins={argument}");
        }
    }
    pass("--build-id=none"); // the same bytes from every folder
    pass("-znorelro"); // there is no writable data to protect
    pass("--no-eh-frame-hdr"); // nothing unwinds
    pass(&format!("-T{dir}/src/start/link.ld"));
}
