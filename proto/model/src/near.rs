//! "Did you mean": the nearest of the words that are known.
//!
//! Neighbours: every message about an unknown word. Never corrects anything by itself.

/// So many words are listed where none is near.
const SHOWN: usize = 20;

/// Advice for an unknown word: the nearest known one, or all of them.
pub(crate) fn did_you_mean<S: AsRef<str>>(word: &str, known: impl IntoIterator<Item = S>) -> String {
    let known: Vec<S> = known.into_iter().collect();
    let nearest = known
        .iter()
        .map(|candidate| (distance(word, candidate.as_ref()), candidate.as_ref()))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count() / 5)
        .min();
    match nearest {
        Some((_, candidate)) => format!("did you mean `{candidate}`?"),
        None if known.is_empty() => "there is none that could be meant".to_owned(),
        None => {
            let shown = known.iter().take(SHOWN).map(|known| format!("`{}`", known.as_ref()));
            let list: Vec<String> = shown.collect();
            let more = if known.len() > SHOWN { ", ..." } else { "" };
            format!("known here: {}{more}", list.join(", "))
        }
    }
}

/// Insertions, removals, replacements and swaps of neighbours between two words; letters of either case are equal.
fn distance(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.to_lowercase().chars().take(64).collect();
    let other: Vec<char> = other.to_lowercase().chars().take(64).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let replace = last[j - 1] + usize::from(one[i - 1] != other[j - 1]);
            let mut best = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        assert_eq!(did_you_mean("verison", ["version", "role"]), "did you mean `version`?");
        assert_eq!(did_you_mean("Port", ["port", "batch_port"]), "did you mean `port`?");
    }

    #[test]
    fn another_word_gets_the_whole_list() {
        assert_eq!(did_you_mean("colour", ["version", "role"]), "known here: `version`, `role`");
    }
}
