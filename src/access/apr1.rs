//! `$apr1$`: the form of passwords that Apache's `htpasswd -m` writes. A thousand rounds of MD5, which
//! nobody should choose today; whoever has such a file can sign in with it all the same.
//! Source of the algorithm: apr-util `crypto/apr_md5.c`.

use md5::{Digest, Md5};

const SCHEME: &str = "$apr1$";
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The kept form of a password under the salt of another kept form; `None` when that is none.
pub(super) fn hash(password: &str, kept: &str) -> Option<String> {
    let (salt, _) = kept.strip_prefix(SCHEME)?.split_once('$')?;
    // More of it does not count.
    let salt = salt.get(..8).unwrap_or(salt);
    let sum = stretched(password.as_bytes(), salt.as_bytes());
    Some(format!("{SCHEME}{salt}${}", printed(&sum)))
}

fn stretched(password: &[u8], salt: &[u8]) -> [u8; 16] {
    let inner = Md5::new().chain_update(password).chain_update(salt).chain_update(password);
    let inner: [u8; 16] = inner.finalize().into();
    let mut first = Md5::new();
    for part in [password, SCHEME.as_bytes(), salt] {
        first.update(part);
    }
    for piece in password.chunks(16) {
        first.update(&inner[..piece.len()]);
    }
    let mut length = password.len();
    while length > 0 {
        first.update(if length & 1 == 1 { &[0][..] } else { &password[..1] });
        length >>= 1;
    }
    let mut sum: [u8; 16] = first.finalize().into();
    for round in 0..1_000 {
        let odd = round % 2 == 1;
        let mut next = Md5::new();
        next.update(if odd { password } else { &sum[..] });
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(if odd { &sum[..] } else { password });
        sum = next.finalize().into();
    }
    sum
}

/// The sum in the order and the alphabet of `crypt`.
fn printed(sum: &[u8; 16]) -> String {
    const TRIPLES: [[usize; 3]; 5] = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]];
    let mut text = String::new();
    let mut digits = |mut value: usize, count: usize| {
        for _ in 0..count {
            text.push(char::from(ALPHABET[value & 63]));
            value >>= 6;
        }
    };
    for [a, b, c] in TRIPLES {
        digits(usize::from(sum[a]) << 16 | usize::from(sum[b]) << 8 | usize::from(sum[c]), 4);
    }
    digits(usize::from(sum[11]), 2);
    text
}
