//! The part of a kubelet's configuration that the simulated nodes mind, under upstream's names.
//! Source: `KubeletConfiguration` of kubelet.config.k8s.io/v1beta1, its defaults and validation.

use crate::object::{ObjectExt, duration, quantity::Quantity, read};
use jiff::SignedDuration;
use serde::{Deserialize, Deserializer, de::Error};
use std::collections::BTreeMap;

/// How a kubelet keeps its images.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Kubelet {
    /// Usage of the image file system, in percent, from which images are removed.
    #[serde(rename = "imageGCHighThresholdPercent")]
    pub gc_high: i64,
    /// Usage down to which they are removed.
    #[serde(rename = "imageGCLowThresholdPercent")]
    pub gc_low: i64,
    /// How old an image must be to be removed.
    #[serde(rename = "imageMinimumGCAge", deserialize_with = "go_duration")]
    pub minimum_age: SignedDuration,
    /// How long an unused image may stay; zero means for ever.
    #[serde(rename = "imageMaximumGCAge", deserialize_with = "go_duration")]
    pub maximum_age: SignedDuration,
    /// Signals and thresholds at which pods are evicted; `imagefs.available` is minded.
    pub eviction_hard: BTreeMap<String, Threshold>,
    /// How long a pressure condition outlives the pressure.
    #[serde(deserialize_with = "go_duration")]
    pub eviction_pressure_transition_period: SignedDuration,
    /// Most images in a node's status; negative means all.
    pub node_status_max_images: i64,
}

/// An eviction threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// Hundredths of the capacity.
    Percent(f64),
    /// An amount.
    Amount(i64),
}

impl Threshold {
    /// The amount it means.
    pub fn of(self, capacity: u64) -> u64 {
        match self {
            Threshold::Percent(p) => (capacity as f64 * p / 100.0) as u64,
            Threshold::Amount(n) => n.max(0) as u64,
        }
    }
}

impl Default for Kubelet {
    fn default() -> Kubelet {
        Kubelet {
            gc_high: 85,
            gc_low: 80,
            minimum_age: SignedDuration::from_mins(2),
            maximum_age: SignedDuration::ZERO,
            eviction_hard: BTreeMap::from([(IMAGE_FS.to_owned(), Threshold::Percent(15.0))]),
            eviction_pressure_transition_period: SignedDuration::from_mins(5),
            node_status_max_images: 50,
        }
    }
}

const IMAGE_FS: &str = "imagefs.available";
const SIGNALS: [&str; 8] = [
    IMAGE_FS,
    "imagefs.inodesFree",
    "nodefs.available",
    "nodefs.inodesFree",
    "containerfs.available",
    "containerfs.inodesFree",
    "memory.available",
    "pid.available",
];

impl Kubelet {
    /// Reads a `KubeletConfiguration`, or OpenShift's `KubeletConfig` around one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Kubelet, String> {
        let (file, _) = read::yaml(text.as_bytes())?;
        let mut inner = file.at("spec.kubeletConfig").unwrap_or(&file).clone();
        if let Some(fields) = inner.as_object_mut() {
            fields.retain(|name, _| name != "apiVersion" && name != "kind");
        }
        let read: Kubelet = crate::object::from_value(inner).map_err(|e| e.to_string())?;
        if let Some(signal) = read.eviction_hard.keys().find(|s| !SIGNALS.contains(&s.as_str())) {
            return Err(format!("evictionHard: unsupported eviction signal {signal}"));
        }
        for (name, percent) in [
            ("imageGCHighThresholdPercent", read.gc_high),
            ("imageGCLowThresholdPercent", read.gc_low),
        ] {
            if !(0..=100).contains(&percent) {
                return Err(format!("{name} must be between 0 and 100, inclusive, not {percent}"));
            }
        }
        if read.gc_low >= read.gc_high {
            return Err(format!(
                "imageGCLowThresholdPercent {} must be less than imageGCHighThresholdPercent {}",
                read.gc_low, read.gc_high
            ));
        }
        Ok(read)
    }

    /// Free space of the image file system below which pods are evicted.
    pub fn image_fs(&self) -> Option<Threshold> {
        self.eviction_hard.get(IMAGE_FS).copied()
    }

    /// Whether images are collected at all.
    pub fn collects(&self) -> bool {
        self.gc_high < 100 || !self.maximum_age.is_zero()
    }
}

fn go_duration<'de, D: Deserializer<'de>>(from: D) -> Result<SignedDuration, D::Error> {
    let text = String::deserialize(from)?;
    duration::parse_go(&text).map(SignedDuration::from_nanos).map_err(D::Error::custom)
}

impl<'de> Deserialize<'de> for Threshold {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Threshold, D::Error> {
        let text = String::deserialize(from)?;
        let percent = text.strip_suffix('%').map(str::parse::<f64>);
        match percent {
            Some(Ok(p)) if (0.0..=100.0).contains(&p) => Ok(Threshold::Percent(p)),
            None => Quantity::parse(&text)
                .map(|q| Threshold::Amount(q.value()))
                .ok_or_else(|| D::Error::custom(format!("{text:?} is no amount"))),
            _ => Err(D::Error::custom(format!("{text:?} is no percentage"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let inner = "imageGCHighThresholdPercent: 75\nimageGCLowThresholdPercent: 70\n\
                     imageMinimumGCAge: 5m30s\nevictionHard: {imagefs.available: 1Gi}\n";
        let indented = inner.replace('\n', "\n    ");
        let outer = format!(
            "apiVersion: machineconfiguration.openshift.io/v1\nkind: KubeletConfig\nspec:\n  \
             kubeletConfig:\n    {indented}"
        );
        for text in [inner, outer.as_str()] {
            let read = Kubelet::read(text).unwrap();
            assert_eq!((read.gc_high, read.gc_low), (75, 70));
            assert_eq!(read.minimum_age, SignedDuration::from_secs(330));
            assert_eq!(read.image_fs(), Some(Threshold::Amount(1 << 30)));
            assert_eq!(read.maximum_age, SignedDuration::ZERO);
        }
        assert_eq!(Kubelet::read("{}").unwrap(), Kubelet::default());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (text, part) in [
            ("imageGCHighThresholdPercent: 101", "between 0 and 100"),
            ("imageGCHighThresholdPercent: 50", "must be less than"),
            ("imageMinimumGCAge: 5", "expected a string"),
            ("imageMinimumGCAge: '5'", "missing unit"),
            ("evictionHard: {imagefs.available: 120%}", "no percentage"),
            ("evictionHard: {imagefs: 1%}", "unsupported eviction signal imagefs"),
            ("imageGCHigh: 1", "unknown field"),
        ] {
            let error = Kubelet::read(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn thresholds_are_amounts_in_the_end() {
        assert_eq!(Threshold::Percent(15.0).of(10 << 30), 1_610_612_736);
        assert_eq!(Threshold::Amount(5).of(10 << 30), 5);
    }
}
