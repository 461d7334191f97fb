//! The dictionary of SPDY/3 header compression: words with their lengths, then text. A `~` stands
//! for a space within a word.
//! Source: the SPDY Protocol draft 3.1, section 2.6.10.1.

use std::sync::LazyLock;

/// The bytes, as both sides feed them to zlib.
pub static DICTIONARY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let words = WORDS.split_whitespace().flat_map(|word| {
        let word = word.replace('~', " ");
        let length = u32::try_from(word.len()).unwrap_or(0);
        [&length.to_be_bytes(), word.as_bytes()].concat()
    });
    words.chain(TAIL.bytes()).collect()
});

const WORDS: &str = "\
    options head post put delete trace accept accept-charset accept-encoding accept-language \
    accept-ranges age allow authorization cache-control connection content-base content-encoding \
    content-language content-length content-location content-md5 content-range content-type date \
    etag expect expires from host if-match if-modified-since if-none-match if-range \
    if-unmodified-since last-modified location max-forwards pragma proxy-authenticate \
    proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade \
    user-agent vary via warning www-authenticate method get status 200~OK version HTTP/1.1 url \
    public set-cookie keep-alive origin";

const TAIL: &str = "\
    1001012012022052063003023033043053063074024054064074084094104114124134144154164175025045\
    05203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 \
    Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 S\
    ervice UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, We\
    d, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xm\
    l,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdc\
    hcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

#[cfg(test)]
mod tests {
    use super::*;

    /// zlib names a dictionary by its Adler-32 checksum; this is the one in every SPDY/3 stream.
    #[test]
    fn it_is_the_dictionary_of_the_draft() {
        let (mut a, mut b) = (1_u32, 0_u32);
        for byte in DICTIONARY.iter() {
            a = (a + u32::from(*byte)) % 65521;
            b = (b + a) % 65521;
        }
        assert_eq!((DICTIONARY.len(), b << 16 | a), (1423, 0xe3c6_a7c2));
    }
}
