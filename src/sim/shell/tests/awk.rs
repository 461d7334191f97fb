//! Programs of `awk`, and what they print.

use super::{check, script, with};

#[test]
fn records_and_fields_are_awks() {
    check(&[
        ("printf 'a b\\nc d\\n' | awk {'print $2'}", "b\nd\n", 0),
        ("printf 'a:b\\n' | awk -F: '{print $2, $1}'", "b a\n", 0),
        ("printf 'a\\tb c\\n' | awk -F'\\t' '{print $2}'", "b c\n", 0),
        ("printf 'a1b22c\\n' | awk -F'[0-9]+' '{print NF, $3}'", "3 c\n", 0),
        ("printf 'x y z\\n' | awk '{$2 = \"Q\"; print; print NF}'", "x Q z\n3\n", 0),
        ("printf 'x y\\n' | awk '{$4 = \"q\"; OFS = \"-\"; $1 = $1; print}'", "x-y--q\n", 0),
        ("printf 'a\\nb\\nc\\n' | awk 'NR == 2'", "b\n", 0),
        (
            "printf 'a\\nb\\nc\\n' | awk 'NR==1, /b/ {print NR, $0} END {print NR}'",
            "1 a\n2 b\n3\n",
            0,
        ),
        ("printf 'Name: x\\nOther: y\\n' | awk '/^Name/ {print $NF}'", "x\n", 0),
        ("printf '5 a\\n30 b\\n' | awk '$1 > 10 {print $2}'", "b\n", 0),
        ("printf 'a\\n\\nb\\nc\\n' | awk 'NF'", "a\nb\nc\n", 0),
        (
            "printf 'a b\\nc\\n\\nd\\n' | awk 'BEGIN {RS = \"\"} {print NR \": \" $1}'",
            "1: a\n2: d\n",
            0,
        ),
        (
            "printf '1\\n2\\n' >/tmp/f; awk '{s += $1} END {print s, FILENAME}' /tmp/f",
            "3 /tmp/f\n",
            0,
        ),
    ]);
}

#[test]
fn expressions_are_awks() {
    check(&[
        ("awk 'BEGIN {print 1 + 2 * 3, 7 % 4, 2 ^ 3, 1 / 4}'", "7 3 8 0.25\n", 0),
        ("awk 'BEGIN {print 1 \" \" 2 \"x\" 3 + 4}'", "1 2x7\n", 0),
        ("awk 'BEGIN {x = 5; x += 2; print x++, ++x, -x, !x}'", "7 9 -9 0\n", 0),
        ("awk 'BEGIN {print (1 < 2) ? \"yes\" : \"no\"}'", "yes\n", 0),
        (
            "awk 'BEGIN {print length(\"héllo\"), substr(\"hello\", 2, 3), index(\"hello\", \"l\")}'",
            "5 ell 3\n",
            0,
        ),
        ("awk 'BEGIN {s = \"aXbX\"; n = gsub(/X/, \"<&>\", s); print n, s}'", "2 a<X>b<X>\n", 0),
        ("awk 'BEGIN {n = split(\"a,b,c\", p, \",\"); print n, p[3]}'", "3 c\n", 0),
        (
            "awk 'BEGIN {print toupper(\"a\") tolower(\"B\"), int(3.9), sprintf(\"%03d|%-4s|\", 7, \"x\")}'",
            "Ab 3 007|x   |\n",
            0,
        ),
        ("awk 'BEGIN {if (match(\"foobar\", /o+/)) print RSTART, RLENGTH}'", "2 2\n", 0),
        ("awk 'BEGIN {printf \"%s %5.2f%%\\n\", \"a\", 3.14159}'", "a  3.14%\n", 0),
        (
            "awk -v n=3 'BEGIN {for (i = 1; i <= n; i++) printf \"%d \", i; print \"\"}'",
            "1 2 3 \n",
            0,
        ),
        ("awk 'BEGIN {while (i < 3) {i++; if (i == 2) continue; print i}}'", "1\n3\n", 0),
        (
            "awk 'BEGIN {a[\"x\"] = 1; a[\"y\"]; delete a[\"x\"]; for (k in a) print k, (\"x\" in a)}'",
            "y 0\n",
            0,
        ),
        ("awk 'function f(a, b) {b[1] = a; return a * 2} BEGIN {print f(4, m), m[1]}'", "8 4\n", 0),
        ("awk 'BEGIN {print ENVIRON[\"HOME\"], \"10\" < \"9\", 10 < 9}'", "/tmp 1 0\n", 0),
        (
            "printf 'b 2\\na 1\\n' | awk '{c[$1] += $2} END {for (k in c) print k \"=\" c[k]}' | sort",
            "a=1\nb=2\n",
            0,
        ),
        ("printf '1\\n2\\n3\\n' | awk 'NR == 1 {getline; print \"then\", $0}'", "then 2\n", 0),
        (
            "awk 'BEGIN {print \"x\" > \"/tmp/o\"; print \"y\" > \"/tmp/o\"}'; cat /tmp/o",
            "x\ny\n",
            0,
        ),
        ("echo | awk '{exit 3} END {print \"end\"}'", "end\n", 3),
    ]);
}

#[test]
fn wrong_programs_and_endless_ones_end() {
    assert_eq!(script("awk '{ print'").code, Ok(1));
    assert!(script("awk 'BEGIN {print 1 / 0}'").err.contains("division by zero"));
    assert!(script("awk 'BEGIN {f()}'").err.contains("undefined function"));
    assert_eq!(with(&["awk", "BEGIN {while (1) i++}"], 0, "").code, Ok(137));
    let grows = "BEGIN {s = \"x\"; while (1) s = s s}";
    assert_ne!(with(&["awk", grows], 0, "").code, Ok(0));
    assert_ne!(with(&["awk", "function f() {f()} BEGIN {f()}"], 0, "").code, Ok(0));
}
