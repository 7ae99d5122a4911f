//! Reading documents, proven on good and bad ones.

use super::*;

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), content: text.as_bytes().to_vec() }
}

const SITE: &str = "kind: Site
name: dupont-prod
client: dupont
product: sxa 2022-r2
time_zone: Europe/Paris
servers:
  web: {name: DUP-WEB01}
";

#[test]
fn a_site_is_read() {
    let documents = read(&[source("site.yaml", SITE)]).unwrap();
    assert_eq!(documents[0].key().to_string(), "Site dupont-prod");
}
