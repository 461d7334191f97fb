//! Whoever outside has a say in a write: policies and webhooks, in upstream's order. Each is asked
//! with the attempt and the draft, says in the draft that it was asked, and may wait.

use super::{policy, webhooks};
use crate::api::write::Ask;

/// Who may change objects.
pub static CHANGE: [Ask; 1] = [webhooks::change];

/// Who may refuse what is about to be stored.
pub static JUDGE: [Ask; 2] = [policy::judge, webhooks::judge];
