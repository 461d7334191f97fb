//! Tokens that stand in a file: one a line with its user, the user's uid and groups.
//! Source: k8s.io/apiserver `pkg/authentication/token/tokenfile`.

use super::{Caller, authn::AUTHENTICATED, password};

/// The tokens of a file.
#[derive(Default)]
pub struct Tokens(Vec<(String, Caller)>);

impl Tokens {
    /// Reads `token,user,uid,"group,group"` lines; of a token that stands twice the last counts.
    ///
    /// # Errors
    /// What is wrong with a line.
    pub fn parse(text: &str) -> Result<Tokens, String> {
        let mut tokens = Vec::new();
        for (i, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let fields = fields(line);
            let [token, name, uid, rest @ ..] = fields.as_slice() else {
                return Err(format!("line {}: at least token, user and uid must stand", i + 1));
            };
            if token.is_empty() {
                continue;
            }
            let given = rest.first().map_or("", String::as_str).split(',').map(str::trim);
            let mut groups: Vec<String> = given.filter(|g| !g.is_empty()).map(Into::into).collect();
            groups.push(AUTHENTICATED.into());
            let caller =
                Caller { name: name.clone(), uid: uid.clone(), groups, ..Caller::default() };
            tokens.push((token.clone(), caller));
        }
        tokens.reverse();
        Ok(Tokens(tokens))
    }

    /// Whose token this is.
    pub(super) fn caller(&self, token: &str) -> Option<Caller> {
        let same = |known: &str| password::same(token.as_bytes(), known.as_bytes());
        self.0.iter().find(|(known, _)| same(known)).map(|(_, caller)| caller.clone())
    }
}

/// The fields of a line of comma-separated values; quotes keep commas.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.trim().chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                fields.last_mut().into_iter().for_each(|f| f.push('"'));
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            other => fields.last_mut().into_iter().for_each(|f| f.push(other)),
        }
    }
    fields.iter_mut().for_each(|f| *f = f.trim().to_owned());
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_file() {
        let text = "t1,jane,u1\n\nt2,joe,u2,\"dev, ops\"\nt3,a \"\"b,u3,\n,nobody,u\nt1,june,u4\n";
        let tokens = Tokens::parse(text).unwrap();
        let of = |token: &str| tokens.caller(token).map(|c| (c.name, c.uid, c.groups));
        assert_eq!(of("t1"), Some(("june".into(), "u4".into(), vec![AUTHENTICATED.into()])));
        assert_eq!(of("t2").unwrap().2, ["dev", "ops", AUTHENTICATED]);
        assert_eq!(of(""), None);
        assert!(Tokens::parse("only,two").is_err());
    }
}
