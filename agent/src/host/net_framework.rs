//! The versions of the .NET Framework 4, by the number that its registry key holds.
//!
//! Source: <https://learn.microsoft.com/en-us/dotnet/framework/install/how-to-determine-which-versions-are-installed>; the
//! least number of each version is what counts. Neighbours: the Windows inventory reads the number.

const VERSIONS: [(u32, &str); 11] = [
    (533_320, "4.8.1"),
    (528_040, "4.8"),
    (461_808, "4.7.2"),
    (461_308, "4.7.1"),
    (460_798, "4.7"),
    (394_802, "4.6.2"),
    (394_254, "4.6.1"),
    (393_295, "4.6"),
    (379_893, "4.5.2"),
    (378_675, "4.5.1"),
    (378_389, "4.5"),
];

/// The version that has this number; none below 4.5, which had no number.
pub fn version(release: u32) -> Option<&'static str> {
    VERSIONS.iter().find(|(least, _)| release >= *least).map(|(_, version)| *version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_between_two_versions_is_the_lower_one() {
        assert_eq!(version(528_049), Some("4.8"));
        assert_eq!(version(461_814), Some("4.7.2"));
        assert_eq!(version(600_000), Some("4.8.1"));
        assert_eq!(version(378_388), None);
    }
}
