//! Links the binary that is deployed without unwind tables: a tenth of its zip, and dead weight where a panic aborts.
//!
//! rustc writes them for Linux all the same, and only a flag for every crate of a build would stop it. Where cargo-lambda
//! links through zig the tables stay: zig's linker may not know this script, and a larger zip is better than none.

fn main() {
    println!("cargo:rerun-if-changed=functions/no-unwind-tables.ld");
    let variable = |name| std::env::var(name).unwrap_or_default();
    // Unlike the release profile the dev profile unwinds.
    let release = variable("PROFILE") == "release" && variable("CARGO_CFG_TARGET_OS") == "linux";
    if release && !variable("RUSTC_LINKER").contains("zig") {
        let root = variable("CARGO_MANIFEST_DIR");
        println!("cargo:rustc-link-arg-bin=bootstrap=-Wl,-T,{root}/functions/no-unwind-tables.ld");
    }
}
