//! Passwords as they are kept: salted PBKDF2, one line per user in an htpasswd Secret.
//!
//! Knows nothing of users or objects. What `htpasswd` writes (bcrypt, `$apr1$`, `{SHA}`) is read, too;
//! the hash says its own scheme, so a foreign line is recognised and refused rather than misread.

use super::apr1;
use crate::world::Entropy;
use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::STANDARD_NO_PAD};
use ring::{digest, pbkdf2};
use std::num::NonZeroU32;

const SCHEME: &str = "$pbkdf2-sha256$";
/// Rounds: milliseconds for whoever signs in.
const ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(4095);
/// More would let a stored line keep the server busy.
const MAX_ROUNDS: u32 = 1_000_000;

/// The kept form of `password`.
pub fn hash(password: &str, entropy: &Entropy) -> String {
    stretched(password, ROUNDS, entropy)
}

/// The kept form of a password that effort would not protect: the administrator's is random, and nobody
/// guesses it; `developer`'s is printed on the wall.
pub fn hash_once(password: &str, entropy: &Entropy) -> String {
    stretched(password, NonZeroU32::MIN, entropy)
}

fn stretched(password: &str, rounds: NonZeroU32, entropy: &Entropy) -> String {
    let (mut salt, mut out) = ([0; 16], [0; 32]);
    entropy.fill(&mut salt);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, password.as_bytes(), &mut out);
    let encode = |bytes: &[u8]| STANDARD_NO_PAD.encode(bytes);
    format!("{SCHEME}{rounds}${}${}", encode(&salt), encode(&out))
}

/// Most bcrypt rounds, as the power of two that is written: a second on a slow machine.
const MAX_COST: u32 = 14;

/// Whether `password` is the one kept as `kept`: the form [`hash`] makes, or one of htpasswd's.
pub fn verify(password: &str, kept: &str) -> bool {
    if ["$2a$", "$2b$", "$2y$"].iter().any(|scheme| kept.starts_with(scheme)) {
        let cost = kept.get(4..6).and_then(|c| c.parse::<u32>().ok());
        let bearable = cost.is_some_and(|c| c <= MAX_COST);
        return bearable && bcrypt::verify(password, kept).unwrap_or(false);
    }
    if kept.starts_with("$apr1$") {
        return apr1::hash(password, kept).is_some_and(|h| same(h.as_bytes(), kept.as_bytes()));
    }
    if let Some(sha) = kept.strip_prefix("{SHA}") {
        let sum = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        let equal = STANDARD.decode(sha).is_ok_and(|want| same(&want, sum.as_ref()));
        return equal;
    }
    let parts: Option<Vec<&str>> = kept.strip_prefix(SCHEME).map(|r| r.split('$').collect());
    let Some([rounds, salt, want]) = parts.as_deref() else { return false };
    let rounds = rounds.parse::<u32>().ok().filter(|r| *r <= MAX_ROUNDS).and_then(NonZeroU32::new);
    let (Some(rounds), Ok(salt), Ok(want)) =
        (rounds, STANDARD_NO_PAD.decode(salt), STANDARD_NO_PAD.decode(want))
    else {
        return false;
    };
    let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
    pbkdf2::verify(algorithm, rounds, &salt, password.as_bytes(), &want).is_ok()
}

/// Whether two secrets are equal, in a time that does not tell where they differ.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |diff, (x, y)| diff | (x ^ y)) == 0
}

/// Whether an htpasswd text has this user with this password. A name that is not there takes as long
/// as one that is: somebody else's line is computed in its place.
pub fn in_htpasswd(text: &str, user: &str, password: &str) -> bool {
    let lines = || text.lines().filter_map(|line| line.trim().split_once(':'));
    let known = lines().any(|(name, _)| name == user);
    if !known && let Some((_, other)) = lines().next() {
        verify(password, other);
    }
    lines().any(|(name, kept)| name == user && verify(password, kept))
}

/// A password for `kubeadmin` in the installer's form: four groups of five characters.
pub fn generate(entropy: &Entropy) -> String {
    const ALPHABET: &[u8] = b"abcdefghijkmnopqrstuvwxyzABCDEFGHIJKLMNPQRSTUVWXYZ23456789";
    let group = || -> String {
        (0..5).map(|_| ALPHABET[entropy.below(ALPHABET.len() as u64) as usize] as char).collect()
    };
    [group(), group(), group(), group()].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_verifies() {
        let entropy = Entropy::seeded(1);
        let kept = hash("developer", &entropy);
        assert!(verify("developer", &kept));
        assert!(!verify("Developer", &kept));
        assert!(!verify("", &kept));
        assert_ne!(kept, hash("developer", &entropy), "salted");
        // htpasswd -bs: SHA-1 of "test".
        assert!(verify("test", "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M="));
        // Openwall's and Apache's own examples.
        let bcrypt = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        assert!(verify("U*U", bcrypt) && !verify("U*V", bcrypt));
        let apr1 = "$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/";
        assert!(verify("myPassword", apr1) && !verify("mypassword", apr1));
        let dear = "$2y$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        assert!(!verify("U*U", dear), "who keeps such a line keeps the server busy");
        for foreign in ["", "developer", "$2y$10$abc", "$pbkdf2-sha256$0$$", "$pbkdf2-sha256$1$a"] {
            assert!(!verify("developer", foreign), "{foreign}");
        }
    }

    #[test]
    fn htpasswd_lines() {
        let entropy = Entropy::seeded(1);
        let text = format!("a:{}\n b:{} \n", hash("1", &entropy), hash("2", &entropy));
        assert!(in_htpasswd(&text, "b", "2"));
        assert!(!in_htpasswd(&text, "b", "1"));
        assert!(!in_htpasswd(&text, "c", "1"));
        assert_eq!(generate(&entropy).len(), 23);
    }
}
