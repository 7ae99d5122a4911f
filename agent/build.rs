//! Builds anew when a migration was added: they are embedded in the binary.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
