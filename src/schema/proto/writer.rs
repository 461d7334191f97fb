//! The protobuf wire format, written: tags, variable-length integers, lengths. Knows no types.

/// Bytes kept free for a length until it is known.
const ROOM: usize = 1;

/// A variable-length integer.
pub fn varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// A field that is a number.
pub fn int(out: &mut Vec<u8>, number: u32, n: u64) {
    varint(out, u64::from(number) << 3);
    varint(out, n);
}

/// A field that is a floating-point number.
pub fn float(out: &mut Vec<u8>, number: u32, n: f64) {
    varint(out, u64::from(number) << 3 | 1);
    out.extend_from_slice(&n.to_bits().to_le_bytes());
}

/// A field that is text, bytes or a whole message.
pub fn bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    head(out, number, bytes.len());
    out.extend_from_slice(bytes);
}

/// What stands before the bytes of a field.
pub fn head(out: &mut Vec<u8>, number: u32, length: usize) {
    varint(out, u64::from(number) << 3 | 2);
    varint(out, length as u64);
}

/// A message still being written.
#[must_use]
pub struct Open(usize);

/// Begins a message in a field; what is written next is in it, until [`close`].
pub fn open(out: &mut Vec<u8>, number: u32) -> Open {
    varint(out, u64::from(number) << 3 | 2);
    let at = out.len();
    out.extend_from_slice(&[0; ROOM]);
    Open(at)
}

/// Ends a message: its length is put where it belongs.
pub fn close(out: &mut Vec<u8>, Open(at): Open) {
    let length = out.len() - at - ROOM;
    let mut text = Vec::new();
    varint(&mut text, length as u64);
    if let [short] = text.as_slice() {
        out[at] = *short;
    } else {
        out.splice(at..at + ROOM, text);
    }
}
