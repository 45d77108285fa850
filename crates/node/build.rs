//! Tells the linker that Node brings the symbols, where it has to be told.

fn main() {
    napi_build::setup();
}
