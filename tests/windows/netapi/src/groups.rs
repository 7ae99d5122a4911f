//! The groups: lines of `groups.txt`, `GROUP: MEMBER, MEMBER`.
//!
//! A group with a domain before its name is one of that domain, and may itself be a member; without one it is a group of this
//! computer. A member without a domain is an account of this computer. Whoever is in no group is nobody. Neighbours: `api` asks.

use std::fs;
use std::path::PathBuf;

/// `NERR_UserNotFound`.
pub(crate) const USER_NOT_FOUND: u32 = 2221;

/// A line.
#[derive(Debug)]
struct Group {
    name: String,
    members: Vec<String>,
}

impl Group {
    fn read(line: &str) -> Option<Self> {
        let (name, members) = line.split_once(':')?;
        let members = members.split(',').map(str::trim).filter(|member| !member.is_empty());
        Some(Self { name: name.trim().to_owned(), members: members.map(str::to_owned).collect() })
    }

    fn is_local(&self) -> bool {
        !self.name.contains('\\')
    }

    fn has(&self, account: &str) -> bool {
        self.members.iter().any(|member| member.eq_ignore_ascii_case(account))
    }
}

/// The folder with the file, on a computer of these names.
#[derive(Debug)]
pub(crate) struct Groups {
    folder: PathBuf,
    computer: Vec<String>,
}

impl Groups {
    pub(crate) fn new(folder: impl Into<PathBuf>, computer: Vec<String>) -> Self {
        Self { folder: folder.into(), computer }
    }

    /// The groups of this computer in which an account is, itself or, where that is asked for, by a group of a domain.
    pub(crate) fn of(&self, account: &str, indirect: bool) -> Result<Vec<String>, u32> {
        let account = self.bare(account);
        let all = self.all();
        if !all.iter().any(|group| group.has(account)) {
            return Err(USER_NOT_FOUND);
        }
        let by: Vec<&Group> =
            all.iter().filter(|group| indirect && !group.is_local() && group.has(account)).collect();
        let is_in = |group: &&Group| group.has(account) || by.iter().any(|by| group.has(&by.name));
        let found = all.iter().filter(|group| group.is_local()).filter(is_in);
        Ok(found.map(|group| group.name.clone()).collect())
    }

    fn all(&self) -> Vec<Group> {
        let text = fs::read_to_string(self.folder.join("groups.txt")).unwrap_or_default();
        text.lines().filter_map(Group::read).collect()
    }

    /// An account of this computer without the computer's name, as the file has it. Windows does not know the dot that people
    /// write for it.
    fn bare<'a>(&self, account: &'a str) -> &'a str {
        match account.split_once('\\') {
            Some((domain, bare)) if self.computer.iter().any(|own| own.eq_ignore_ascii_case(domain)) => bare,
            _ => account,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_in_its_own_groups_and_where_it_is_asked_for_in_those_of_its_domain_s() {
        let folder = std::env::temp_dir().join(format!("muster-netapi-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let lines = "Administrators: Administrator, DUPONT\\admins\r\nUsers: Administrator, batch\nDUPONT\\admins: DUPONT\\svc\n";
        fs::write(folder.join("groups.txt"), lines).unwrap();
        let groups = Groups::new(&folder, vec!["DUP-WEB01".to_owned(), "dup-web01-long".to_owned()]);
        let of = |account: &str, indirect: bool| groups.of(account, indirect);
        let both = Ok(vec!["Administrators".to_owned(), "Users".to_owned()]);
        for name in ["administrator", r"dup-web01\Administrator", r"DUP-WEB01-LONG\Administrator"] {
            assert_eq!(of(name, false), both, "{name}");
        }
        assert_eq!(of("batch", true), Ok(vec!["Users".to_owned()]));
        assert_eq!(of(r"dupont\SVC", true), Ok(vec!["Administrators".to_owned()]));
        assert_eq!(of(r"DUPONT\svc", false), Ok(Vec::new()), "by a group of the domain alone");
        for nobody in ["svc", r".\batch", r"NORD\svc", r"DUPONT\Administrator", "nobody"] {
            assert_eq!(of(nobody, true), Err(USER_NOT_FOUND), "{nobody}");
        }
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(of("administrator", true), Err(USER_NOT_FOUND), "without a file there is nobody");
    }
}
