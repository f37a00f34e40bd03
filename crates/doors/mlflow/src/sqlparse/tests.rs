use super::{Class, Kind, Node, TooComplex, parse};

/// The groups of the first statement, written as `Class[…]`.
fn shape(node: &Node<'_>) -> String {
    if !node.is_group() {
        return node.text().to_owned();
    }
    let inner: Vec<_> = node.children.iter().map(shape).collect();
    format!("{:?}[{}]", node.class, inner.concat())
}

fn first(text: &str) -> String {
    shape(&parse(text).unwrap()[0])
}

#[test]
fn comparisons_are_groups_of_three() {
    assert_eq!(first("metrics.a = 1"), "Statement[Comparison[Identifier[metrics.a] = 1]]");
}

#[test]
fn what_nests_too_deep_or_is_too_long_is_refused_at_once() {
    assert_eq!(parse(&"(".repeat(1_000_000)).unwrap_err(), TooComplex);
    assert_eq!(parse(&format!("{}{}", "(".repeat(4_000), ")".repeat(4_000))).unwrap_err(), TooComplex);
    assert_eq!(parse(&"a = 1 AND ".repeat(100_000)).unwrap_err(), TooComplex);
    assert_eq!(parse(&format!("a{}", "+a".repeat(300))).unwrap_err(), TooComplex);
    assert_eq!(parse(&format!("a = '{}'", "x".repeat(5_000_000))).unwrap().len(), 1);
    assert_eq!(parse(&"$a$ $b$ ".repeat(10)).unwrap()[0].children[0].kind, Kind::Literal);
    assert_eq!(parse("(a)").unwrap()[0].children[0].class, Class::Parenthesis);
}
