//! The lists: what happens to a write, top to bottom, one list per kind of write.
//!
//! A body is decoded and stamped before its list begins and committed after it ends, both by the
//! verbs. Quota is charged last, as upstream: what others refuse costs nothing.

use super::{
    super::admission::outside,
    Stage::{self, Ask, Do, Keep},
    stages::*,
};

/// A new object.
pub(in crate::api) static CREATE: &[Stage] = &[
    Do(fill),
    // Before admission and preparation, as upstream: what those add belongs to nobody.
    Do(track),
    Do(unique_owners),
    Do(admit_changes),
    Ask(&outside::CHANGE),
    Do(unique_owners_again),
    Keep,
    Do(hold_status),
    Do(name),
    Do(prepare),
    Do(check_metadata),
    Do(check_object),
    Do(refuse_causes),
    Do(warn),
    Do(admit),
    Ask(&outside::JUDGE),
    Do(store),
    Do(charge),
];

/// An object in the place of another: PUT and PATCH.
pub(in crate::api) static UPDATE: &[Stage] = &[
    Do(keep_status),
    Do(fill),
    Do(track),
    Do(unique_owners),
    Do(admit_changes),
    Ask(&outside::CHANGE),
    Do(unique_owners_again),
    Keep,
    Do(hold_status),
    Do(prepare),
    Do(carry_over),
    Do(count_generation),
    Do(check_metadata),
    Do(check_object),
    Do(refuse_causes),
    Do(warn),
    Do(admit),
    Ask(&outside::JUDGE),
    Do(store),
    Do(charge),
];

/// A DeploymentConfig that the server gives its next version.
pub(in crate::api) static INSTANTIATE: &[Stage] = &[
    Do(fill),
    Do(track),
    Do(admit_changes),
    Ask(&outside::CHANGE),
    Do(prepare),
    Do(carry_over),
    Do(check_metadata),
    Do(check_object),
    Do(refuse_causes),
    Do(admit),
    Ask(&outside::JUDGE),
    Do(charge),
];

/// The same below an object: `/status`, `/finalize`, `/ephemeralcontainers` and `/resize`.
pub(in crate::api) static SUBRESOURCE: &[Stage] = &[
    Do(hold_to_subresource),
    Do(carry_over),
    Do(track),
    Do(admit_changes),
    Ask(&outside::CHANGE),
    Keep,
    // Whoever was asked may have changed more than the subresource has.
    Do(hold_again),
    Do(prepare_status),
    Do(count_generation_below),
    Do(check_metadata),
    Do(check_status),
    Do(refuse_causes),
    Do(admit),
    Ask(&outside::JUDGE),
    Do(store),
    Do(charge),
];

/// The object a scale changes; its Scale went by [`PASSING`].
pub(in crate::api) static SCALED: &[Stage] = &[
    Do(keep_status),
    Do(fill),
    Do(track),
    Do(prepare),
    Do(carry_over),
    Do(count_generation),
    Do(check_metadata),
    Do(check_object),
    Do(refuse_causes),
    Do(store),
    Do(warn),
];

/// A body that is not itself stored: a Scale, a Binding, an Eviction, a TokenRequest, a tag.
pub(in crate::api) static PASSING: &[Stage] =
    &[Do(admit_changes), Ask(&outside::CHANGE), Do(admit), Ask(&outside::JUDGE), Do(charge)];

/// A connection to what is behind an object; the draft is its options.
pub(in crate::api) static CONNECT: &[Stage] = &[Ask(&outside::CHANGE), Ask(&outside::JUDGE)];

/// An object that is asked to go.
pub(in crate::api) static DELETE: &[Stage] =
    &[Ask(&outside::CHANGE), Do(admit), Ask(&outside::JUDGE), Do(charge), Do(mark_deleting)];

/// A pod that its eviction deletes; the Eviction went by [`PASSING`].
pub(in crate::api) static EVICTED: &[Stage] = &[Do(mark_deleting)];

/// An image stream as the server writes it itself, for tags, imports and pushes. Those were asked
/// about already.
pub(in crate::api) static STREAM: &[Stage] = &[
    Do(type_of_kind),
    Do(fill),
    Do(admit_changes),
    Do(settle_stream),
    Do(carry_over),
    Do(check_metadata),
    Do(check_object),
    Do(refuse_causes),
    Do(admit),
    Do(charge),
];

/// An image as the server keeps it itself, for pushes and imports.
pub(in crate::api) static IMAGE: &[Stage] = &[
    Do(type_of_kind),
    Do(fill),
    Do(stamp),
    Do(settle_image),
    Do(check_metadata),
    Do(check_image),
    Do(refuse_causes),
];
