//! Writes the marker of the source files into the binary ([`sources`]). The build script also links the deployed binary
//! without unwind tables. Unwind tables would make up a tenth of the zip file, and are never used, because a panic
//! aborts the process.
//!
//! Even with `panic = "abort"`, rustc emits unwind tables for Linux. Only a compiler flag for all crates of a build
//! would prevent this, so a linker script removes the tables after compilation. The linker script also works with
//! cargo-lambda (tested with 1.9.2) and zig (0.17.1).

#[path = "core/src/sources.rs"]
pub mod sources;

fn main() -> std::io::Result<()> {
    ["functions", "Cargo.lock", "Cargo.toml"].iter().for_each(|path| println!("cargo:rerun-if-changed={path}"));
    let variable = |name| std::env::var(name).unwrap_or_default();
    let root = variable("CARGO_MANIFEST_DIR");
    let marker = sources::marker(std::path::Path::new(&root))?.unwrap_or_default();
    println!("cargo:rustc-env=ONBOARD_SOURCES={marker}");
    // In the dev profile, a panic unwinds the stack, so the binary needs the unwind tables.
    if variable("PROFILE") == "release" && variable("CARGO_CFG_TARGET_OS") == "linux" {
        println!("cargo:rustc-link-arg-bin=bootstrap=-Wl,-T,{root}/functions/runtime/no-unwind-tables.ld");
    }
    Ok(())
}
