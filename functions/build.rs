//! Links the binary that is deployed without unwind tables: a tenth of its zip, and dead weight where a panic aborts.
//!
//! rustc writes them for Linux all the same, and only a flag for every crate of a build would stop it. The script also
//! links through cargo-lambda and zig (tried with 1.9.2 and 0.17.1).

fn main() {
    println!("cargo:rerun-if-changed=functions/no-unwind-tables.ld");
    let variable = |name| std::env::var(name).unwrap_or_default();
    // Unlike the release profile the dev profile unwinds.
    if variable("PROFILE") == "release" && variable("CARGO_CFG_TARGET_OS") == "linux" {
        let root = variable("CARGO_MANIFEST_DIR");
        println!("cargo:rustc-link-arg-bin=bootstrap=-Wl,-T,{root}/functions/no-unwind-tables.ld");
    }
}
