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

/// Puts the fields of a message that begins somewhere into the order of their numbers, as upstream
/// writes them; fields of one number stay as they are. Nothing moves where they are in order.
pub fn in_order(out: &mut Vec<u8>, begin: usize) {
    let mut fields: Vec<(u64, usize)> = Vec::new();
    let (mut at, mut sorted) = (begin, true);
    while at < out.len() {
        let start = at;
        let tag = number(out, &mut at);
        at = match tag & 7 {
            0 => {
                number(out, &mut at);
                at
            }
            1 => at + 8,
            _ => {
                let length = number(out, &mut at);
                at + usize::try_from(length).unwrap_or(0)
            }
        };
        sorted &= fields.last().is_none_or(|(before, _)| *before <= tag >> 3);
        fields.push((tag >> 3, start));
    }
    if sorted {
        return;
    }
    let message = out.split_off(begin);
    let ends = fields.iter().skip(1).map(|(_, start)| *start).chain([begin + message.len()]);
    let mut parts: Vec<(u64, usize, usize)> =
        fields.iter().zip(ends).map(|((n, start), end)| (*n, *start, end)).collect();
    parts.sort_by_key(|(number, ..)| *number);
    for (_, start, end) in parts {
        out.extend_from_slice(&message[start - begin..end - begin]);
    }
}

/// The variable-length integer at a place, which moves behind it.
fn number(bytes: &[u8], at: &mut usize) -> u64 {
    let mut n = 0;
    for shift in (0..64).step_by(7) {
        let Some(byte) = bytes.get(*at) else { break };
        *at += 1;
        n |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_in_the_order_of_their_numbers() {
        let mut out = vec![0xff];
        int(&mut out, 9, 300);
        bytes(&mut out, 2, b"b");
        float(&mut out, 5, 1.5);
        bytes(&mut out, 2, b"c");
        in_order(&mut out, 1);
        let mut expected = vec![0xff];
        bytes(&mut expected, 2, b"b");
        bytes(&mut expected, 2, b"c");
        float(&mut expected, 5, 1.5);
        int(&mut expected, 9, 300);
        assert_eq!(out, expected);
    }
}
