//! Tests of two users, which only root can be.

/// Says that a test was left out, which someone who is not root must have asked for.
#[track_caller]
pub fn left_out() {
    assert!(
        std::env::var_os("TRUSTPLANE_TESTS_WITHOUT_ROOT").is_some(),
        "this test is about two users: run it as root, or leave such tests out with TRUSTPLANE_TESTS_WITHOUT_ROOT=1"
    );
}
