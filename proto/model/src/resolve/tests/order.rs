//! What comes before what: needs, providers, triggers, databases.

use super::*;

const THREE: &str = "  - package: one\n    version: v1\n    needs: [NEEDS]\n  - package: two\n    version: v1\n    needs: [one]\n  - service: three\n    provided_by: two\n    state: running";

fn with_need(need: &str) -> Vec<Diagnostic> {
    let product = small("  a: {type: string, default: x}", &THREE.replace("NEEDS", need));
    refused(&[&product, SMALL_CLIENT, &small_site("")])
}

#[test]
fn nodes_in_a_circle_are_shown() {
    let found = with_need("service/three");
    assert_eq!(rules(&found), ["node-cycle"]);
    assert_eq!(
        found[0].problem,
        "nodes need each other in a circle: package/one -> service/three -> package/two -> package/one (for the site s)"
    );
    assert_eq!(rules(&with_need("one")), ["node-cycle"]);
}

#[test]
fn what_stands_below_cannot_be_needed() {
    let product = "  - package: one\n    version: v1\n    needs: [two]\n  - package: two\n    version: v1";
    let found =
        refused(&[&small("  a: {type: boolean, default: true}", product), SMALL_CLIENT, &small_site("")]);
    assert_eq!(rules(&found), ["against-file-order"]);
    assert!(found[0].advice.starts_with("move package/two above it"));
}

#[test]
fn an_unknown_need_is_refused_with_the_nearest_name() {
    let found = with_need("package/tow");
    assert_eq!(rules(&found), ["unknown-node"]);
    assert_eq!(found[0].advice, "did you mean `package/two`?");
}

#[test]
fn a_need_across_servers_names_the_role() {
    let nodes = "  - package: db\n    server: sql\n    version: v1\n  - package: app\n    version: v1\n    needs: [NEED]";
    let product = |need: &str| small("  a: {type: boolean, default: true}", &nodes.replace("NEED", need));
    let found = refused(&[&product("package/db"), SMALL_CLIENT, &small_site("")]);
    assert_eq!(found[0].advice, "it is on another server: write `sql:package/db`");
    let site = resolved(&[&product("'sql:package/db'"), SMALL_CLIENT, &small_site("")], "s");
    let needs = &site.servers[0].nodes[0].needs;
    assert_eq!((needs[0].role.as_str(), needs[0].node.to_string().as_str()), ("sql", "package/db"));
}

#[test]
fn a_path_in_a_need_is_not_taken_for_a_role() {
    let nodes = r"  - file: 'C:\a'
    content: x
  - file: 'C:\b'
    content: x
    needs: ['file/C:\a', 'C:\A']";
    let site =
        resolved(&[&small("  a: {type: boolean, default: true}", nodes), SMALL_CLIENT, &small_site("")], "s");
    assert_eq!(edges(&site)[1], r"file/C:\b <- file/C:\a");
}

#[test]
fn an_ambiguous_bare_name_is_refused() {
    let nodes = "  - package: x\n    version: v1\n  - service: x\n    state: running\n  - package: z\n    version: v1\n    needs: [x]";
    let found =
        refused(&[&small("  a: {type: boolean, default: true}", nodes), SMALL_CLIENT, &small_site("")]);
    assert_eq!(rules(&found), ["ambiguous-node"]);
    assert_eq!(found[0].problem, "`x` may mean `package/x` or `service/x` (for the site s)");
}

#[test]
fn a_node_is_not_there_without_its_package() {
    let nodes = "  - package: p\n    when: a\n    version: v1\n  - service: s\n    provided_by: p\n    state: running";
    let found =
        refused(&[&small("  a: {type: boolean, default: false}", nodes), SMALL_CLIENT, &small_site("")]);
    assert_eq!(rules(&found), ["unknown-provider"]);
    assert_eq!(found[0].advice, "give service/s the same `when`");
}

#[test]
fn a_pool_comes_before_the_file_that_it_may_read() {
    let nodes = r"  - iis_app_pool: pool
    enable_32bit: false
  - file: 'C:\x'
    content: x
    rights: {'iis apppool\POOL': read}";
    let site =
        resolved(&[&small("  a: {type: boolean, default: true}", nodes), SMALL_CLIENT, &small_site("")], "s");
    assert_eq!(edges(&site)[1], r"file/C:\x <- iis_app_pool/pool");
}

const POOL: &str = "  - {iis_app_pool: p, enable_32bit: true}\n";

#[test]
fn a_task_comes_after_what_fires_it_and_knows_it() {
    let task = "  - {pool_recycle: p, pools: [p], on_change_of: [iis_app_pool/p]}\n";
    let site = resolved(&[&small("  {}", &format!("{POOL}{task}")), SMALL_CLIENT, &small_site("")], "s");
    assert_eq!(edges(&site), ["iis_app_pool/p <- ", "pool_recycle/p <- iis_app_pool/p"]);
    let triggers = site.servers[0].nodes[1].triggers.clone().unwrap();
    assert_eq!(triggers[0].cause.to_string(), "iis_app_pool/p");
    let left_out = format!("{}{task}", POOL.replace("enable_32bit", "when: 1 == 2, enable_32bit"));
    let site = resolved(&[&small("  {}", &left_out), SMALL_CLIENT, &small_site("")], "s");
    assert!(site.servers[0].nodes[0].absent, "the pool is not wanted");
    assert_eq!(
        site.servers[0].nodes[1].triggers,
        Some(Vec::new()),
        "it never fires, where none would run it once"
    );
}

/// What failed between them keeps the application stopped.
#[test]
fn an_application_that_was_stopped_before_changes_starts_after_them() {
    let nodes = "  - {application_stop: a, pools: [p], before_change_of: [iis_app_pool/p, iis_app_pool/q, iis_app_pool/r]}
  - {iis_app_pool: p, enable_32bit: false}
  - {iis_app_pool: q, enable_32bit: false}
  - {application_start: a, pools: [p], on_change_of: [application_stop/a]}
  - {application_start: other, pools: [p], on_change_of: [iis_app_pool/q]}
  - {iis_app_pool: r, enable_32bit: false}
";
    let site = resolved(&[&small("  {}", nodes), SMALL_CLIENT, &small_site("")], "s");
    assert_eq!(
        edges(&site),
        [
            "application_stop/a <- ",
            "iis_app_pool/p <- application_stop/a",
            "iis_app_pool/q <- application_stop/a",
            "application_start/a <- iis_app_pool/p, iis_app_pool/q, application_stop/a",
            "application_start/other <- iis_app_pool/q",
            "iis_app_pool/r <- application_stop/a",
        ]
    );
}

#[test]
fn a_trigger_that_cannot_fire_is_refused() {
    let found = |nodes: &str| {
        let found = refused(&[&small("  {}", nodes), SMALL_CLIENT, &small_site("")]);
        found.iter().map(|mistake| mistake.rule.clone()).collect::<Vec<_>>()
    };
    let gate =
        "  - {manual_step: g, instructions: x}\n  - {pool_recycle: p, pools: [p], on_change_of: [g]}\n";
    assert_eq!(found(gate), ["no-cause"]);
    let below = format!("  - {{application_stop: p, pools: [p], on_change_of: [iis_app_pool/p]}}\n{POOL}");
    assert_eq!(found(&below), ["against-file-order"]);
    let before =
        format!("{POOL}  - {{application_stop: a, pools: [p], before_change_of: [iis_app_pool/p]}}\n");
    assert_eq!(found(&before), ["against-file-order"]);
    let unknown = "  - {pool_recycle: p, pools: [p], on_change_of: [iis_app_pool/q]}\n";
    assert_eq!(found(unknown), ["unknown-node"]);
}

/// A product with a database, a script and a question, and what its site says of endpoints.
fn with_database(nodes: &str, endpoints: &str) -> Vec<Diagnostic> {
    refused(&[&small("  {}", nodes), SMALL_CLIENT, &small_site(endpoints)])
}

const ENDPOINTS: &str = "endpoints:\n  main: {address: 'DUP-SQL01\\TRESO'}\n";

#[test]
fn g14_a_database_is_known_by_endpoint_and_name_and_what_uses_it_comes_after_it() {
    let digest = "0".repeat(64);
    let nodes = format!(
        "  - {{sql_query: before, database: main/master, query: SELECT 1}}\n  - {{sql_database: main/SXA, managed_by: dba}}\n  - {{sql_scripts: new, server: sql, database: main/SXA, scripts: [{{file: 'C:\\a.sql', sha256: '{digest}'}}]}}\n  - {{sql_query: after, database: main/sxa, query: SELECT 1}}\n"
    );
    let site = resolved(&[&small("  {}", &nodes), SMALL_CLIENT, &small_site(ENDPOINTS)], "s");
    assert_eq!(
        edges(&site),
        [
            "sql_query/before <- ",
            "sql_database/main/SXA <- ",
            "sql_query/after <- sql_database/main/SXA",
            "sql_scripts/new <- sql_database/main/SXA",
        ]
    );
    let endpoint = site.servers[1].nodes[0].endpoint.clone().unwrap();
    assert_eq!((endpoint.name.as_str(), endpoint.address.as_str()), ("main", r"DUP-SQL01\TRESO"));
}

#[test]
fn an_endpoint_that_the_site_does_not_name_is_asked_for_at_the_site() {
    let nodes = "  - {sql_database: main/SXA, managed_by: dba}\n";
    let found = with_database(nodes, "");
    assert_eq!(rules(&found), ["unknown-endpoint"]);
    assert!(found[0].advice.contains("main: {address:"), "{}", found[0].advice);
    let found = with_database(nodes, &ENDPOINTS.replace("main", "mian"));
    assert!(found[0].advice.contains("`mian`"), "{}", found[0].advice);
}

/// The shape of a certificate; who uses it reads what is in it.
const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----\\nMIIAAQk=\\n-----END CERTIFICATE-----\\n";

#[test]
fn an_authority_judges_who_is_reached_in_one_way_and_is_not_trusted_blindly() {
    let nodes = "  - {sql_database: main/SXA, managed_by: dba}\n";
    let product = small("\n  port: {type: port, default: 1025}", nodes);
    let site = |address: &str, more: &str| {
        small_site(&ENDPOINTS.replace(r"'DUP-SQL01\TRESO'", &format!("'{address}', {more}")))
    };
    let authority = format!("certificate_authority: \"{AUTHORITY}\"");
    for address in ["DUP-SQL01,1433", r"np:DUP-SQL01\TRESO"] {
        let found = resolved(&[&product, SMALL_CLIENT, &site(address, &authority)], "s");
        let endpoint = found.servers[0].nodes[0].endpoint.clone().unwrap();
        assert_eq!(endpoint.authority.unwrap().certificates().collect::<Vec<_>>(), [[0x30, 0x82, 0, 1, 9]]);
    }
    let unread = |address: &str, more: &str| {
        let source = Source { path: "s".to_owned(), content: site(address, more).into_bytes() };
        read(&[source]).unwrap_err()
    };
    let both = unread("DUP-SQL01,1433", &format!("trust_certificate: true, {authority}"));
    assert_eq!(rules(&both), ["wrong-value"]);
    assert!(both[0].problem.contains("takes any certificate"), "{}", both[0].problem);
    let several = unread("DUP-SQL01", &authority);
    assert_eq!(rules(&several), ["wrong-value"]);
    assert!(several[0].advice.contains("HOST,PORT"), "{}", several[0].advice);
    assert_eq!(rules(&unread("DUP-SQL01,1433", "certificate_authority: MIIB")), ["wrong-value"]);
    let key = authority.replace("CERTIFICATE---", "PRIVATE KEY---");
    let key = unread("DUP-SQL01,1433", &key);
    assert_eq!(rules(&key), ["secret-in-document"]);
    assert!(!format!("{key:?}").contains("MIIAAQk"), "a key is never shown: {key:?}");
}

#[test]
fn a_login_and_its_password_belong_together_and_the_password_is_a_secret_of_the_product() {
    let nodes = "  - {sql_database: main/SXA, managed_by: dba}\n";
    let product = small("\n  sql_password: {type: secret}\n  port: {type: port, default: 1025}", nodes);
    let site = |more: &str| small_site(&ENDPOINTS.replace("TRESO'", &format!("TRESO', {more}")));
    let whole = site("login: muster, password: '{{ sql_password }}', trust_certificate: true");
    let found = resolved(&[&product, SMALL_CLIENT, &whole], "s");
    let endpoint = found.servers[0].nodes[0].endpoint.clone().unwrap();
    let login = endpoint.login.unwrap();
    assert!(endpoint.trust_certificate);
    assert_eq!((login.name.as_str(), login.password.secret.as_str()), ("muster", "sql_password"));
    let wrong = |more: &str| rules(&refused(&[&product, SMALL_CLIENT, &site(more)])).join(" ");
    assert_eq!(wrong("login: muster, password: '{{ port }}'"), "not-a-secret");
    let unread = |more: &str| {
        let source = Source { path: "s".to_owned(), content: site(more).into_bytes() };
        rules(&read(&[source]).unwrap_err()).join(" ")
    };
    assert_eq!(unread("login: muster"), "no-value");
    assert_eq!(unread("password: '{{ sql_password }}'"), "no-value");
    assert_eq!(unread("login: muster, password: hunter2"), "secret-in-document");
    assert_eq!(unread("login: '', password: '{{ sql_password }}'"), "wrong-value");
}

#[test]
fn a_script_is_listed_once_with_its_digest() {
    let zeros = "0".repeat(64);
    let scripts = |list: &str| {
        let nodes = format!("  - {{sql_scripts: new, database: main/SXA, scripts: {list}}}\n");
        let source = Source { path: "p".to_owned(), content: small("  {}", &nodes).into_bytes() };
        match read(&[source]) {
            Ok(_) => with_database(&nodes, ENDPOINTS),
            Err(found) => found,
        }
    };
    let rule = |list: &str| rules(&scripts(list)).join(" ");
    assert_eq!(rule(&format!(r"[{{file: 'C:\a.sql', sha256: '{zeros}'}}]")), "");
    assert_eq!(rule(&format!(r"[{{file: 'a.sql', sha256: '{zeros}'}}]")), "wrong-value");
    assert_eq!(rule(r"[{file: 'C:\a.sql', sha256: abc}]"), "wrong-value");
    assert_eq!(rule(r"[{file: 'C:\a.sql'}]"), "wrong-value");
    assert_eq!(rule("['C:\\a.sql']"), "wrong-type");
    let twice =
        format!(r"[{{file: 'C:\a.sql', sha256: '{zeros}'}}, {{file: 'C:\b.sql', sha256: '{zeros}'}}]");
    assert!(scripts(&twice)[0].problem.contains("twice"), "{:?}", scripts(&twice));
}

/// A script is given variables as sqlcmd gives them: they may come of parameters, and every mistake has its place.
#[test]
fn a_script_is_given_variables_and_every_mistake_has_its_place() {
    let sha256 = "a".repeat(64);
    let nodes = |variables: &str| {
        format!(
            "  - sql_scripts: new\n    database: main/SXA\n    scripts:\n      - file: 'C:\\s\\main.sql'\n        sha256: {sha256}\n        variables:{variables}\n"
        )
    };
    let read = |variables: &str| {
        let nodes = nodes(variables);
        let source = Source { path: "p".to_owned(), content: small("  {}", &nodes).into_bytes() };
        match read(&[source]) {
            Ok(_) => with_database(&nodes, ENDPOINTS),
            Err(found) => found,
        }
    };
    assert_eq!(
        read("\n          Tenant: DUPONT\n          Data_Path-2: 'D:\\SQL Data'\n          none: ''"),
        []
    );

    let many = "\n          1st: a\n          SqlCmdUser: b\n          Tenant: c\n          TENANT: c\n          Other: $(Tenant)\n          none: ''";
    let first = small("  {}", &nodes(many)).lines().position(|line| line.contains("variables:")).unwrap();
    let found = read(many);
    let told: Vec<(usize, u32, &str)> = found
        .iter()
        .map(|found| {
            (found.line as usize - first - 1, found.column, found.problem.split(' ').next().unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [(1, 16, "`1st`"), (2, 23, "`SqlCmdUser`"), (3, 19, "`Tenant`"), (5, 18, "`Other`")],
        "{found:?}"
    );
    for (wrong, rule) in [
        (" Tenant", "wrong-type"),
        ("\n          Tenant: [a]", "wrong-type"),
        ("\n          Tenant: 7", "unquoted-number"),
    ] {
        assert_eq!(read(wrong)[0].rule, rule, "{wrong}: {:?}", read(wrong));
    }
    let include = format!(
        " {{}}\n        includes:\n          - {{file: 'C:\\s\\b.sql', sha256: {sha256}, variables: {{a: b}}}}"
    );
    assert!(read(&include)[0].problem.contains("variables of its own"), "{:?}", read(&include));
}

/// What a script takes in is listed with it: every mistake at once, each at its place.
#[test]
fn a_script_lists_what_it_takes_in_and_every_mistake_has_its_place() {
    let [a, b] = ["a", "b"].map(|digit| digit.repeat(64));
    let nodes = |includes: &str| {
        format!(
            "  - sql_scripts: new\n    database: main/SXA\n    scripts:\n      - file: 'C:\\s\\main.sql'\n        sha256: {a}\n        includes:{includes}\n      - {{file: 'C:\\s\\next.sql', sha256: {b}}}\n"
        )
    };
    let found = |includes: &str| -> Vec<(u32, u32, String, String)> {
        let nodes = nodes(includes);
        let source = Source { path: "p".to_owned(), content: small("  {}", &nodes).into_bytes() };
        let found = match read(&[source]) {
            Ok(_) => with_database(&nodes, ENDPOINTS),
            Err(found) => found,
        };
        let first = small("  {}", &nodes).lines().position(|line| line.contains("includes:")).unwrap();
        let line = |line: u32| line - u32::try_from(first).unwrap() - 1;
        found.into_iter().map(|found| (line(found.line), found.column, found.rule, found.problem)).collect()
    };
    let file = |name: &str, sha256: &str| format!("\n          - {{file: '{name}', sha256: {sha256}}}");
    assert_eq!(found(&[file(r"C:\s\one.sql", &b), file(r"D:\two.sql", &b)].concat()), []);

    let many = [
        file("one.sql", &b),
        file(r"C:\s\two.sql", "abc"),
        file(r"C:\s\Main.SQL", &a),
        file(r"C:\s\three.sql", &b),
        file(r"c:\S\three.sql", &b),
        file(r"C:\s\next.sql", &a),
        format!("\n          - {{file: 'C:\\s\\four.sql', sha256: {a}, as: x}}"),
    ];
    let rules: Vec<(u32, u32, String)> =
        found(&many.concat()).into_iter().map(|(line, column, rule, _)| (line, column, rule)).collect();
    let at = |line, column, rule: &str| (line, column, rule.to_owned());
    assert_eq!(
        rules,
        [
            at(1, 20, "wrong-value"),
            at(2, 44, "wrong-value"),
            at(3, 13, "duplicate-file"),
            at(5, 13, "duplicate-file"),
            at(7, 115, "wrong-value"),
            at(8, 9, "duplicate-file"),
        ]
    );
    assert_eq!(found(" []")[0].2, "wrong-value");
    assert_eq!(found(" one.sql")[0].2, "wrong-type");
    assert_eq!(found("\n          - 'C:\\s\\one.sql'")[0].2, "wrong-type");
    let nested = format!("\n          - {{file: 'C:\\s\\one.sql', sha256: {b}, includes: []}}");
    let (line, column, rule, problem) = found(&nested).remove(0);
    assert_eq!((line, column, &*rule), (1, 110, "wrong-value"));
    assert!(problem.contains("lists files of its own"), "{problem}");
}
