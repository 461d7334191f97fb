//! SELinux category pairs in a fixed order.
//! Source: cluster-policy-controller `pkg/security/mcs`: the combinatorial number system over
//! 1024 categories, two at a time.

/// The label at `offset`, e.g. `s0:c36,c35`.
pub(super) fn label(offset: u64) -> String {
    // Greatest `high` with high·(high-1)/2 <= offset; what is left is the lower category.
    let mut high = 1;
    while (high + 1) * high / 2 <= offset {
        high += 1;
    }
    format!("s0:c{high},c{}", offset - high * (high - 1) / 2)
}
