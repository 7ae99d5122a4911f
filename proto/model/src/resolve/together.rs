//! What the attributes of one node must have together, beyond the type of each.
//!
//! Neighbours: `nodes` asks for every node that is there, once its values are settled. The table of kinds says what each
//! attribute may hold alone.

use std::collections::BTreeSet;

use crate::binding::BindingName;
use crate::certificate::{CertificateName, is_certificate_name};
use crate::manifest::Node;
use crate::name::NodeId;
use crate::node::{Effect, NodeKind};
use crate::package::Package;
use crate::parameter::is_windows_path;
use crate::value::Value;

/// What is wrong with the node's attributes together, and what to do; nothing where they agree.
pub(super) fn check(node: &Node) -> Option<(String, &'static str)> {
    let given = || node.attributes.keys().map(String::as_str).collect::<Vec<_>>();
    match node.id.kind {
        NodeKind::RegistryValue if given().len() != 1 => {
            let types = match given().as_slice() {
                [] => "no type and no value".to_owned(),
                several => format!("more than one type: {}", several.join(", ")),
            };
            let advice = "give exactly one of string, expand_string, multi_string, dword, qword";
            Some((format!("{} has {types}", node.id), advice))
        }
        NodeKind::SqlScripts => twice(node).map(|file| {
            let advice = "a script runs once; list each file once, and do not list two files of one content";
            (format!("{} has {file} twice, or another file of the same SHA-256", node.id), advice)
        }),
        NodeKind::IisBinding => binding(node),
        NodeKind::Preflight => preflight(node),
        NodeKind::IisSite => site(node),
        NodeKind::Certificate => certificate(node),
        NodeKind::SqlBackup => node.attributes.get("folder").and_then(|path| path_of(node, "folder", path)),
        NodeKind::Package => package(node),
        NodeKind::Service => command_line(node).or_else(|| managed_account(node)),
        NodeKind::IisAppPool
        | NodeKind::PrivateKeyAccess
        | NodeKind::Folder
        | NodeKind::File
        | NodeKind::RegistryValue
        | NodeKind::WindowsFeature
        | NodeKind::HttpProbe
        | NodeKind::ManualStep
        | NodeKind::ServiceRestart
        | NodeKind::PoolRecycle
        | NodeKind::ApplicationStop
        | NodeKind::ApplicationStart
        | NodeKind::Reboot
        | NodeKind::SqlDatabase
        | NodeKind::SqlQuery => None,
    }
}

/// Windows cuts a path with spaces that has no quotes at its first space, and starts whatever lies there:
/// <https://learn.microsoft.com/en-us/windows/win32/api/winsvc/nf-winsvc-createservicew>.
fn command_line(node: &Node) -> Option<(String, &'static str)> {
    let line = node.attributes.get("command_line").and_then(Value::as_text)?;
    let program = match line.strip_prefix('"') {
        Some(quoted) => {
            let parted = quoted.split_once('"').filter(|(_, rest)| rest.is_empty() || rest.starts_with(' '));
            parted.map(|(program, _)| program)
        }
        None => line.split(' ').next(),
    };
    let is_program = |program: &str| is_windows_path(program) && program.to_lowercase().ends_with(".exe");
    (!program.is_some_and(is_program)).then(|| {
        let advice = "begin with the absolute path of an .exe, in quotes where it has a space, as in '\"C:\\Program Files\\App\\batch.exe\" -service'";
        (format!("`command_line` of {} starts no program: {line}", node.id), advice)
    })
}

/// Windows keeps the passwords of these accounts itself, or they have none.
fn managed_account(node: &Node) -> Option<(String, &'static str)> {
    let account = node.attributes.get("account").and_then(Value::as_text)?;
    let lower = account.to_lowercase();
    let is_managed = lower.ends_with('$')
        || lower == "localsystem"
        || [r"nt service\", r"nt authority\"].iter().any(|start| lower.starts_with(start));
    (is_managed && node.attributes.contains_key("password")).then(|| {
        (
            format!("{} has a `password` for {account}, which has none of its own", node.id),
            "remove `password`",
        )
    })
}

/// The script that another one in the list has the digest of: their markers would be one.
fn twice(node: &Node) -> Option<&str> {
    let Some(Value::List(items)) = node.attributes.get("scripts") else { return None };
    let mut seen = BTreeSet::new();
    items.iter().find_map(|item| match item {
        Value::Members(script) => {
            let digest = script.get("sha256")?.to_lowercase();
            (!seen.insert(digest)).then(|| script.get("file").map_or("a file", String::as_str))
        }
        Value::Boolean(_) | Value::Integer(_) | Value::Text(_) | Value::List(_) | Value::Secret(_) => None,
    })
}

/// It asks for something, and of a SQL Server only where it names one.
fn preflight(node: &Node) -> Option<(String, &'static str)> {
    let stray = node.attributes.keys().find(|name| name.starts_with("sql_"));
    if let Some(stray) = stray.filter(|_| !node.attributes.contains_key("sql_server")) {
        let problem = format!("{} has `{stray}` and names no SQL Server", node.id);
        return Some((problem, "add `sql_server: ENDPOINT`, as in main"));
    }
    if let Some(year) =
        ["windows_at_least", "sql_at_least", "sql_below"].into_iter().find(|name| is_year(node, name))
    {
        let problem = format!("`{year}` of {} is the year of a product, and no version", node.id);
        let advice = "write the version: 13.0 is SQL Server 2016, 14.0 is 2017, 15.0 is 2019, 16.0 is 2022; 10.0.14393 is Windows \
                      Server 2016, 10.0.17763 is 2019, 10.0.20348 is 2022";
        return Some((problem, advice));
    }
    let Some(Value::List(taken)) = node.attributes.get("take_over") else {
        return node
            .attributes
            .is_empty()
            .then(|| (format!("{} asks for nothing", node.id), "give it an attribute"));
    };
    let is_node = |item: &&Value| item.as_text().is_some_and(|text| text.parse::<NodeId>().is_ok());
    taken.iter().find(|item| !is_node(item)).map(|item| {
        let problem = format!("`take_over` of {} is `{item}`, which names no node", node.id);
        (problem, "write kind/name, as in iis_site/Shop")
    })
}

/// `2019` where a version is asked for: no server would ever be new enough, or each too old.
fn is_year(node: &Node, name: &str) -> bool {
    let first = node.attributes.get(name).and_then(Value::as_text).and_then(|text| text.split('.').next());
    first.and_then(|number| number.parse::<u32>().ok()).is_some_and(|number| (1990..2100).contains(&number))
}

/// What steers an installer says nothing to a person, and what guides a person nothing to an installer.
fn package(node: &Node) -> Option<(String, &'static str)> {
    let guided = node.effect() == Effect::Guided;
    if guided && node.is_taken_off() {
        let advice = "let a person take it off as a `manual_step`, or write `install: unattended`";
        return Some((
            format!("{} is absent and guided, and Muster asks nobody to uninstall", node.id),
            advice,
        ));
    }
    if !node.is_taken_off() && !node.attributes.contains_key("version") {
        let advice = "write the version that is to be there, or `state: absent`";
        return Some((format!("{} has no `version`", node.id), advice));
    }
    let (strays, advice): (&[_], _) = if guided {
        let strays = &[
            "medium",
            "medium_sha256",
            "arguments",
            "response_file",
            "secret_arguments",
            "uninstall_arguments",
            "time_limit_seconds",
            "restart",
        ];
        (strays, "remove it, or write `install: unattended`")
    } else {
        (&["instructions", "done_by", "type_these"], "remove it, or write `install: guided`")
    };
    let Some(stray) = strays.iter().find(|name| node.attributes.contains_key(**name)) else {
        return Package::of(node).err();
    };
    let how =
        if guided { "by a person, who has no use for" } else { "by its installer, which has no use for" };
    Some((format!("{} is installed {how} `{stray}`", node.id), advice))
}

/// A key has its place in the stores that keep keys; what a computer is to trust is named so that no other file can bear it.
fn certificate(node: &Node) -> Option<(String, &'static str)> {
    let Ok(name) = node.id.name.as_str().parse::<CertificateName>();
    let has = |attribute| node.attributes.contains_key(attribute);
    let (store, title) = (name.store, name.store.title());
    let told = if has("cer") && store.keeps_keys() {
        let problem = format!("{} has `cer`, and in {title} a certificate has its key", node.id);
        (problem, "name its PFX file with `pfx`")
    } else if has("pfx") && !store.keeps_keys() {
        let problem = format!("{} has `pfx`, and {title} keeps no keys", node.id);
        (problem, "export the certificate alone, without its key, and name that file with `cer`")
    } else if has("cer") && store.trusted_by().is_some() && !name.is_exact() {
        let problem =
            format!("{} is named by a subject, which any file can bear, and is to be trusted", node.id);
        (problem, "name it by its thumbprint, as in root/0123456789ABCDEF0123456789ABCDEF01234567")
    } else {
        let paths = ["pfx", "cer"].into_iter().filter_map(|name| Some((name, node.attributes.get(name)?)));
        return paths.into_iter().find_map(|(name, path)| path_of(node, name, path));
    };
    Some(told)
}

fn binding(node: &Node) -> Option<(String, &'static str)> {
    let key = node.id.name.as_str().parse::<BindingName>().ok()?.key;
    if !key.is_https {
        let stray = node.attributes.keys().next()?;
        let problem = format!("{} is http and has `{stray}`, which belongs to https", node.id);
        return Some((problem, "write https in its name, or remove the attribute"));
    }
    let named = node.attributes.get("certificate").and_then(Value::as_text);
    if let Some(named) = named.filter(|named| !answers(named)) {
        let problem = format!("{} cannot answer with the certificate {named}", node.id);
        return Some((
            problem,
            "name one with its key: of Personal, or, with web_hosting/ before it, of Web Hosting",
        ));
    }
    let sni = node.attributes.get("sni") == Some(&Value::Boolean(true));
    (sni && key.host.is_empty()).then(|| {
        let problem = format!("{} has `sni: true` and no host name that a client could say first", node.id);
        (problem, "end its name with the host name, or write `sni: false`")
    })
}

/// Whether HTTPS can answer with a certificate of that name.
fn answers(named: &str) -> bool {
    let Ok(name) = named.parse::<CertificateName>();
    is_certificate_name(named) && name.store.keeps_keys()
}

fn site(node: &Node) -> Option<(String, &'static str)> {
    let whole = node.attributes.get("physical_path").map(|path| ("physical_path", path.clone()));
    let members = ["applications", "virtual_directories"].into_iter().flat_map(|name| {
        let Some(Value::Members(members)) = node.attributes.get(name) else { return Vec::new() };
        members.values().map(|path| (name, Value::Text(path.clone()))).collect()
    });
    whole.into_iter().chain(members).find_map(|(name, path)| path_of(node, name, &path))
}

/// A folder or file of the server; one that begins with a variable of Windows cannot be judged here.
fn path_of(node: &Node, attribute: &str, path: &Value) -> Option<(String, &'static str)> {
    let text = path.as_text().filter(|text| !text.starts_with('%') && !is_windows_path(text))?;
    let problem = format!("`{attribute}` of {} is `{text}`, which is no absolute path", node.id);
    Some((problem, r"write an absolute path, as in 'C:\inetpub\sage'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(node: serde_json::Value) -> Option<String> {
        check(&serde_json::from_value(node).unwrap()).map(|(problem, _)| problem)
    }

    #[test]
    fn a_registry_value_has_exactly_one_type() {
        let node = |attributes| {
            problem(serde_json::json!({"id": r"registry_value/HKLM\S\V", "attributes": attributes}))
        };
        assert_eq!(node(serde_json::json!({"dword": 1})), None);
        let none = node(serde_json::json!({})).unwrap();
        assert!(none.ends_with("has no type and no value"), "{none}");
        let two = node(serde_json::json!({"dword": 1, "string": "1"})).unwrap();
        assert!(two.ends_with("more than one type: dword, string"), "{two}");
    }

    #[test]
    fn g10_a_binding_with_sni_has_a_host_and_http_has_no_certificate() {
        let node = |name: &str, attributes| {
            problem(serde_json::json!({"id": format!("iis_binding/{name}"), "attributes": attributes}))
        };
        assert_eq!(node("S/https/*:1028:h", serde_json::json!({"sni": true, "certificate": "CN=h"})), None);
        assert!(node("S/https/*:1028:", serde_json::json!({"sni": true})).unwrap().contains("no host name"));
        let http = node("S/http/*:80:", serde_json::json!({"certificate": "CN=h"})).unwrap();
        assert!(http.contains("belongs to https"), "{http}");
    }

    #[test]
    fn a_certificate_has_its_key_where_keys_are_kept_and_what_is_trusted_is_named_exactly() {
        let node = |name: &str, attributes| {
            problem(serde_json::json!({"id": format!("certificate/{name}"), "attributes": attributes}))
        };
        let digits = "0123456789ABCDEF0123456789ABCDEF01234567";
        let (pfx, cer) =
            (|| serde_json::json!({"pfx": r"C:\a.pfx"}), || serde_json::json!({"cer": r"C:\a.cer"}));
        for own in ["CN=a", "web_hosting/CN=a"] {
            assert_eq!(node(own, pfx()), None, "{own}");
            assert!(node(own, cer()).unwrap().contains("a certificate has its key"), "{own}");
        }
        for other in ["root", "ca", "trusted_people"] {
            let exact = format!("{other}/{digits}");
            assert_eq!(node(&exact, cer()), None, "{exact}");
            assert!(node(&exact, pfx()).unwrap().contains("keeps no keys"), "{exact}");
            assert_eq!(node(&format!("{other}/CN=a"), serde_json::json!({})), None, "only looked up");
        }
        assert_eq!(node("ca/CN=a", cer()), None, "nobody trusts it for that");
        for trusted in ["root/CN=a", "root/a", "trusted_people/CN=a"] {
            assert!(node(trusted, cer()).unwrap().contains("which any file can bear"), "{trusted}");
        }
        let relative = node(&format!("root/{digits}"), serde_json::json!({"cer": "a.cer"})).unwrap();
        assert!(relative.contains("`cer`") && relative.contains("no absolute path"), "{relative}");
        let relative = node("CN=a", serde_json::json!({"pfx": "a.pfx"})).unwrap();
        assert!(relative.contains("`pfx`") && relative.contains("no absolute path"), "{relative}");
    }

    #[test]
    fn g10_a_binding_answers_with_a_certificate_that_has_its_key() {
        let node = |named: &str| {
            let attributes = serde_json::json!({"certificate": named});
            problem(serde_json::json!({"id": "iis_binding/S/https/*:1028:", "attributes": attributes}))
        };
        assert_eq!(node("web_hosting/CN=h"), None);
        for wrong in ["root/CN=h", "ca/h", "webhosting/h"] {
            assert!(node(wrong).unwrap().contains("cannot answer"), "{wrong}");
        }
    }

    #[test]
    fn g1_a_preflight_asks_for_something_and_of_a_sql_server_only_with_its_endpoint() {
        let node = |attributes| problem(serde_json::json!({"id": "preflight/web", "attributes": attributes}));
        assert_eq!(node(serde_json::json!({"sql_server": "main", "sql_at_least": "14.0"})), None);
        assert!(node(serde_json::json!({})).unwrap().contains("asks for nothing"));
        assert!(node(serde_json::json!({"sql_below": "16.0"})).unwrap().contains("names no SQL Server"));
        assert_eq!(node(serde_json::json!({"take_over": ["iis_site/Shop", "sql_database/main/SXA"]})), None);
        assert!(node(serde_json::json!({"take_over": ["Shop"]})).unwrap().contains("names no node"));
        for (name, year, version) in [
            ("windows_at_least", "2019", "10.0.17763"),
            ("sql_at_least", "2017", "14.0"),
            ("sql_below", "2022", "16.0"),
        ] {
            let of = |text: &str| node(serde_json::json!({name: text, "sql_server": "main"}));
            assert!(of(year).unwrap().contains("the year of a product"), "{name}");
            assert_eq!(of(version), None);
        }
    }

    #[test]
    fn g4_a_package_is_installed_by_its_installer_or_by_a_person() {
        let node =
            |attributes| problem(serde_json::json!({"id": "package/advanced", "attributes": attributes}));
        let typed = || serde_json::json!(["port=1025"]);
        assert_eq!(node(serde_json::json!({"version": "1", "arguments": ["/q"]})), None);
        assert_eq!(node(serde_json::json!({"state": "absent", "uninstall_arguments": ["/q"]})), None);
        assert!(node(serde_json::json!({"state": "installed"})).unwrap().ends_with("has no `version`"));
        let by_hand = serde_json::json!({"state": "absent", "install": "guided"});
        assert!(node(by_hand).unwrap().contains("asks nobody to uninstall"));
        assert_eq!(
            node(serde_json::json!({"version": "1", "install": "guided", "type_these": typed()})),
            None
        );
        let silent = node(serde_json::json!({"version": "1", "type_these": typed()})).unwrap();
        assert!(silent.contains("no use for `type_these`"), "{silent}");
        for (stray, value) in [("arguments", serde_json::json!(["/q"])), ("restart", "ignored".into())] {
            let mut guided = serde_json::json!({"version": "1", "install": "guided"});
            guided[stray] = value;
            assert!(node(guided).unwrap().contains(&format!("no use for `{stray}`")), "{stray}");
        }
    }

    #[test]
    fn a_service_starts_a_program_whose_path_is_not_cut() {
        let node =
            |line| problem(serde_json::json!({"id": "service/batch", "attributes": {"command_line": line}}));
        for line in [r"C:\App\batch.exe", r"C:\App\batch.EXE -service", r#""C:\Program Files\batch.exe""#] {
            assert_eq!(node(line), None, "{line}");
        }
        assert_eq!(node(r#""C:\Program Files\batch.exe" --name "a b""#), None);
        let cut = r"C:\Program Files\batch.exe -service";
        assert_eq!(node(cut).unwrap(), format!("`command_line` of service/batch starts no program: {cut}"));
        for line in
            ["batch.exe", r"C:\App\batch.cmd", r#""C:\App\batch.exe"#, r#""C:\App\batch.exe"x"#, r#""""#]
        {
            assert!(node(line).is_some(), "{line}");
        }
    }

    #[test]
    fn g4_an_account_whose_password_is_windows_own_is_given_none() {
        let node = |account: &str, with: bool| {
            let secret = serde_json::json!({"site": "s", "secret": "p", "version": 1});
            let mut attributes = serde_json::json!({"account": account});
            if with {
                attributes["password"] = secret;
            }
            problem(serde_json::json!({"id": "service/batch", "attributes": attributes}))
        };
        for account in [r"DUPONT\batch$", r"NT SERVICE\batch", "LocalSystem", r"NT AUTHORITY\NetworkService"]
        {
            assert_eq!(node(account, false), None, "{account}");
            assert!(node(account, true).unwrap().contains("has none of its own"), "{account}");
        }
        assert_eq!(node(r"DUPONT\batch", true), None);
    }

    #[test]
    fn g1_the_folder_of_a_backup_is_absolute() {
        let node = |folder: &str| {
            let attributes = serde_json::json!({"database": "main/SXA", "folder": folder});
            problem(serde_json::json!({"id": "sql_backup/before", "attributes": attributes}))
        };
        assert_eq!(node(r"E:\Backups"), None);
        assert_eq!(node(r"\\NAS01\sql\"), None);
        let wrong = node("Backups").unwrap();
        assert!(wrong.contains("`folder`") && wrong.contains("no absolute path"), "{wrong}");
    }

    #[test]
    fn folders_of_a_site_are_absolute() {
        let node = |attributes| problem(serde_json::json!({"id": "iis_site/S", "attributes": attributes}));
        assert_eq!(node(serde_json::json!({"physical_path": r"%SystemDrive%\inetpub"})), None);
        let wrong = node(serde_json::json!({"applications": {"/a": "inetpub"}})).unwrap();
        assert!(wrong.contains("`applications`") && wrong.contains("no absolute path"), "{wrong}");
    }
}
