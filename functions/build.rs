//! Links the deployed binary without unwind tables. They are a tenth of the zip file and useless, because a panic
//! aborts.
//!
//! rustc emits unwind tables for Linux anyway, and only a flag for all crates of a build would prevent this. The
//! linker script also works with cargo-lambda and zig (tested with 1.9.2 and 0.17.1).

fn main() {
    println!("cargo:rerun-if-changed=functions/runtime/no-unwind-tables.ld");
    let variable = |name| std::env::var(name).unwrap_or_default();
    // Unlike the release profile, the dev profile unwinds.
    if variable("PROFILE") == "release" && variable("CARGO_CFG_TARGET_OS") == "linux" {
        let root = variable("CARGO_MANIFEST_DIR");
        println!("cargo:rustc-link-arg-bin=bootstrap=-Wl,-T,{root}/functions/runtime/no-unwind-tables.ld");
    }
}
