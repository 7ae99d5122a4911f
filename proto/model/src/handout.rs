//! What a DBA is asked for, before Muster first connects: logins, rights and databases, as T-SQL (G1, G14).
//!
//! Neighbours: `muster handout` prints it from a site's manifests; an agent's findings name the same statements where a
//! database of the DBA's is missing. Guesses nothing: an account that the documents do not name is left to be filled in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::manifest::{Endpoint, Manifest, Node, SqlLogin};
use crate::node::NodeKind;
use crate::value::Value;

/// What the DBA of one SQL Server is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The SQL Server.
    pub endpoint: Endpoint,
    /// Databases that the DBA makes, each with its statements.
    pub databases: Vec<AskedDatabase>,
    /// The accounts as which servers connect.
    pub logins: Vec<AskedLogin>,
}

/// A database that a DBA makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedDatabase {
    /// Its name.
    pub name: String,
    /// The statements that make it.
    pub statements: Vec<String>,
    /// What has no statement of one line: files, their folders and sizes.
    pub remarks: Vec<String>,
}

/// A login, with the rights that the documents' nodes need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedLogin {
    /// The Windows account: the agent runs as the computer.
    pub account: String,
    /// What it does there, in words.
    pub purpose: Vec<String>,
    /// The statements that let it in and give it its rights.
    pub statements: Vec<String>,
}

/// What is asked of the DBAs of a site's SQL Servers. `domain` is that of its servers.
pub fn for_dba(manifests: &[Manifest], domain: &str) -> Vec<Asked> {
    let mut asked: BTreeMap<String, Asked> = BTreeMap::new();
    for manifest in manifests {
        for node in &manifest.nodes {
            let Some(endpoint) = &node.endpoint else { continue };
            let entry = asked.entry(endpoint.address.to_string()).or_insert_with(|| Asked {
                endpoint: endpoint.clone(),
                databases: Vec::new(),
                logins: Vec::new(),
            });
            if is_dbas(node) {
                entry.databases.push(AskedDatabase {
                    name: database(node).to_owned(),
                    statements: create(node),
                    remarks: files(node),
                });
            }
            let account = account(manifest, endpoint, domain);
            let made = match &endpoint.login {
                None => format!("CREATE LOGIN [{account}] FROM WINDOWS;"),
                Some(SqlLogin { password, .. }) => {
                    format!("CREATE LOGIN [{account}] WITH PASSWORD = N'(the secret {})';", password.secret)
                }
            };
            let login = match entry.logins.iter().position(|login| login.account == account) {
                Some(known) => &mut entry.logins[known],
                None => {
                    entry.logins.push(AskedLogin { account, purpose: Vec::new(), statements: vec![made] });
                    let last = entry.logins.len() - 1;
                    &mut entry.logins[last]
                }
            };
            // Who makes a database owns it, and needs no other right there.
            let owns = makes(manifest, endpoint, database(node));
            rights(node, owns, login);
        }
    }
    asked.into_values().collect()
}

/// The statements that make a database, as far as each is one line.
pub fn create(node: &Node) -> Vec<String> {
    let name = database(node);
    let text = |attribute: &str| node.attributes.get(attribute).map(ToString::to_string);
    let collate = text("collation").map(|collation| format!(" COLLATE {collation}")).unwrap_or_default();
    let mut statements = vec![format!("CREATE DATABASE [{name}]{collate};")];
    if let Some(recovery) = text("recovery") {
        statements.push(format!("ALTER DATABASE [{name}] SET RECOVERY {};", recovery.to_uppercase()));
    }
    statements
}

/// Where its files go and how large they are, in words.
pub fn files(node: &Node) -> Vec<String> {
    let text = |attribute: &str| node.attributes.get(attribute).map(ToString::to_string);
    let wanted = [("data", "data_folder", "data_size_mb"), ("log", "log_folder", "log_size_mb")];
    let words = wanted.into_iter().filter_map(|(file, folder, size)| {
        let folder = text(folder).map(|folder| format!(" in {folder}"));
        let size = text(size).map(|size| format!(" of at least {size} MB"));
        let said = folder.is_some() || size.is_some();
        said.then(|| format!("its {file} file{}{}", folder.unwrap_or_default(), size.unwrap_or_default()))
    });
    words.collect()
}

/// Whether it is a database that a DBA makes and changes.
pub fn is_dbas(node: &Node) -> bool {
    node.attributes.get("managed_by").and_then(Value::as_text) == Some("dba")
}

/// The database that a node is about.
fn database(node: &Node) -> &str {
    let named = node.attributes.get("database").and_then(Value::as_text);
    let whole =
        if node.id.kind == NodeKind::SqlDatabase { node.id.name.as_str() } else { named.unwrap_or_default() };
    whole.rsplit('/').next().unwrap_or_default()
}

/// The login that the site names. Without one, the agent is a service of the system: on its own computer that account,
/// over the network the computer's.
fn account(manifest: &Manifest, endpoint: &Endpoint, domain: &str) -> String {
    if let Some(login) = &endpoint.login {
        return login.name.replace(']', "]]");
    }
    let host = manifest.host.as_str();
    let address = endpoint.address.as_str();
    let server = address.split(['\\', ',']).next().unwrap_or_default();
    let server = server.split('.').next().unwrap_or_default();
    if server.eq_ignore_ascii_case(host) || server == "localhost" {
        r"NT AUTHORITY\SYSTEM".to_owned()
    } else {
        format!(r"{domain}\{host}$")
    }
}

/// Whether this server's agent makes that database itself.
fn makes(manifest: &Manifest, endpoint: &Endpoint, name: &str) -> bool {
    let databases =
        manifest.nodes.iter().filter(|node| node.id.kind == NodeKind::SqlDatabase && !is_dbas(node));
    databases
        .filter(|node| node.endpoint.as_ref() == Some(endpoint))
        .any(|node| database(node).eq_ignore_ascii_case(name))
}

fn rights(node: &Node, owns: bool, login: &mut AskedLogin) {
    let name = database(node);
    let account = &login.account;
    let user = format!("USE [{name}]; CREATE USER [{account}] FOR LOGIN [{account}];");
    let kind = node.id.kind;
    let (purpose, statements) = if kind == NodeKind::Preflight {
        ("asks the server for its version, its edition and its own rights".to_owned(), Vec::new())
    } else if kind == NodeKind::SqlDatabase && is_dbas(node) {
        (format!("looks whether database {name} is as the documents say"), vec![user])
    } else if kind == NodeKind::SqlDatabase {
        (
            format!("makes database {name} and changes its settings"),
            vec![format!("ALTER SERVER ROLE dbcreator ADD MEMBER [{account}];")],
        )
    } else if kind == NodeKind::SqlScripts {
        (
            format!("runs the vendor's scripts in database {name}"),
            vec![user, format!("USE [{name}]; ALTER ROLE db_owner ADD MEMBER [{account}];")],
        )
    } else if kind == NodeKind::SqlBackup {
        (
            format!("backs database {name} up and reads the backup back"),
            vec![user, format!("USE [{name}]; ALTER ROLE db_backupoperator ADD MEMBER [{account}];")],
        )
    } else if name.eq_ignore_ascii_case("master") {
        ("asks the server for its version".to_owned(), Vec::new())
    } else {
        (
            format!("reads database {name}"),
            vec![user, format!("USE [{name}]; ALTER ROLE db_datareader ADD MEMBER [{account}];")],
        )
    };
    let statements = if owns && kind != NodeKind::SqlDatabase { Vec::new() } else { statements };
    let beside = if kind == NodeKind::SqlBackup { beside_a_backup(account) } else { Vec::new() };
    if !login.purpose.contains(&purpose) {
        login.purpose.push(purpose);
    }
    for statement in statements.into_iter().chain(beside) {
        if !login.statements.contains(&statement) {
            login.statements.push(statement);
        }
    }
}

/// What a backup needs that nobody has by owning the database: its history, the right that RESTORE VERIFYONLY asks for, and
/// that of seeing how far a statement is.
fn beside_a_backup(account: &str) -> Vec<String> {
    vec![
        format!("USE [msdb]; CREATE USER [{account}] FOR LOGIN [{account}];"),
        format!("USE [msdb]; GRANT SELECT ON dbo.backupset TO [{account}];"),
        format!("USE [master]; GRANT CREATE ANY DATABASE TO [{account}];"),
        format!("USE [master]; GRANT VIEW SERVER STATE TO [{account}];"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SecretRef;

    fn manifest(nodes: &str) -> Manifest {
        let text = format!(
            r#"{{"format": 1, "server": "nordbank-prod/web", "host": "NOR-WEB01", "product": "sxa 2022-r2", "generation": 1,
                "nodes": {nodes}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn nodes(managed_by: &str, address: &str) -> Manifest {
        let endpoint =
            format!(r#""endpoint": {{"name": "main", "address": {}}}"#, serde_json::json!(address));
        manifest(&format!(
            r#"[{{"id": "sql_query/version", "attributes": {{"database": "main/master", "query": "SELECT 1"}}, {endpoint}}},
                {{"id": "sql_database/main/SXA", "attributes": {{"managed_by": "{managed_by}", "recovery": "full",
                  "collation": "French_CI_AS", "data_folder": "E:\\Data"}}, {endpoint}}},
                {{"id": "sql_scripts/new", "attributes": {{"database": "main/SXA"}}, {endpoint}}},
                {{"id": "service/SCPSServer", "attributes": {{"state": "running"}}}}]"#
        ))
    }

    #[test]
    fn a_dba_is_asked_for_the_database_and_for_the_rights_of_the_computer() {
        let [asked] = for_dba(&[nodes("dba", r"NORSQL\PROD")], "NORDBANK").try_into().unwrap();
        let [database] = asked.databases.as_slice() else { panic!("{asked:?}") };
        assert_eq!(
            database.statements,
            ["CREATE DATABASE [SXA] COLLATE French_CI_AS;", "ALTER DATABASE [SXA] SET RECOVERY FULL;"]
        );
        assert_eq!(database.remarks, [r"its data file in E:\Data"]);
        let [login] = asked.logins.as_slice() else { panic!("{asked:?}") };
        assert_eq!(login.account, r"NORDBANK\NOR-WEB01$");
        assert_eq!(
            login.statements,
            [
                r"CREATE LOGIN [NORDBANK\NOR-WEB01$] FROM WINDOWS;",
                r"USE [SXA]; CREATE USER [NORDBANK\NOR-WEB01$] FOR LOGIN [NORDBANK\NOR-WEB01$];",
                r"USE [SXA]; ALTER ROLE db_owner ADD MEMBER [NORDBANK\NOR-WEB01$];",
            ]
        );
    }

    #[test]
    fn who_makes_a_database_needs_no_other_right_in_it() {
        let [asked] = for_dba(&[nodes("muster", r"nor-web01\SQLEXPRESS")], "NORDBANK").try_into().unwrap();
        assert_eq!(asked.databases, []);
        let [login] = asked.logins.as_slice() else { panic!("{asked:?}") };
        assert_eq!(login.account, r"NT AUTHORITY\SYSTEM", "on its own computer the agent is the system");
        assert_eq!(login.statements.len(), 2, "{:?}", login.statements);
        assert!(login.statements[1].contains("dbcreator"));
    }

    #[test]
    fn who_backs_up_is_let_into_the_history_also_where_he_owns_the_database() {
        let with_backup = |managed_by: &str| {
            let mut manifest = nodes(managed_by, r"NORSQL\PROD");
            let node =
                r#"{"id": "sql_backup/before", "attributes": {"database": "main/SXA", "folder": "E:\\B"}}"#;
            let mut node: Node = serde_json::from_str(node).unwrap();
            node.endpoint.clone_from(&manifest.nodes[1].endpoint);
            manifest.nodes.push(node);
            let [asked] = for_dba(&[manifest], "NORDBANK").try_into().unwrap();
            asked.logins[0].statements.clone()
        };
        let has = |statements: &[String], part: &str| statements.iter().any(|said| said.contains(part));
        for managed_by in ["dba", "muster"] {
            let statements = with_backup(managed_by);
            assert!(has(&statements, "GRANT SELECT ON dbo.backupset"), "{statements:?}");
            assert!(has(&statements, "GRANT CREATE ANY DATABASE"), "{statements:?}");
            assert_eq!(has(&statements, "db_backupoperator"), managed_by == "dba", "{statements:?}");
        }
    }

    #[test]
    fn a_login_of_the_site_s_is_asked_for_with_the_name_of_its_secret() {
        let mut manifest = nodes("dba", r"NORSQL\PROD");
        let password: SecretRef =
            serde_json::from_str(r#"{"site": "nordbank-prod", "secret": "sql_password", "version": 2}"#)
                .unwrap();
        for endpoint in manifest.nodes.iter_mut().filter_map(|node| node.endpoint.as_mut()) {
            endpoint.login = Some(SqlLogin { name: "muster".to_owned(), password: password.clone() });
        }
        assert_eq!(manifest.secrets().count(), 3, "each node that logs on needs it");
        let [asked] = for_dba(&[manifest], "NORDBANK").try_into().unwrap();
        assert_eq!(asked.logins[0].account, "muster");
        assert_eq!(
            asked.logins[0].statements[0],
            "CREATE LOGIN [muster] WITH PASSWORD = N'(the secret sql_password)';"
        );
    }

    #[test]
    fn without_a_sql_server_nobody_is_asked() {
        assert_eq!(for_dba(&[manifest("[]")], "D"), []);
    }
}
