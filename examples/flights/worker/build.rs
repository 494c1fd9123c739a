//! A worker is started for many items, or for each: a program that is not position-independent has no addresses to be fixed
//! then, and starts in half the time. A worker crate of your own wants this file as well.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}
