//! Link arguments: the launcher's own recipe, one segment without writable data and relocations.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let script = concat!("-Wl,-T", env!("CARGO_MANIFEST_DIR"), "/../../src/start/link.ld");
    let rest = "-Wl,--build-id=none,-znorelro,--no-eh-frame-hdr,-z,nosectionheader";
    for argument in ["-nostartfiles", "-nostdlib", "-static-pie", rest, script] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
}
