//! Tables for people: columns as wide as their cells, cut where the terminal ends.

use terminal_size::{Width, terminal_size};

/// Rows of text under headings. Too wide a table has its widest columns cut, unless the output is no terminal.
pub(crate) fn draw(headings: &[&str], rows: &[Vec<String>]) -> String {
    draw_within(headings, rows, terminal_size().map(|(Width(columns), _)| usize::from(columns)))
}

fn draw_within(headings: &[&str], rows: &[Vec<String>], room: Option<usize>) -> String {
    let width = |text: &str| text.chars().count();
    let mut widths: Vec<usize> = headings.iter().map(|heading| width(heading)).collect();
    for row in rows {
        for (at, cell) in row.iter().enumerate().take(widths.len()) {
            widths[at] = widths[at].max(width(cell));
        }
    }
    let gaps = 2 * widths.len().saturating_sub(1);
    if let Some(room) = room {
        while widths.iter().sum::<usize>() + gaps > room {
            let Some(widest) = widths.iter_mut().max().filter(|width| **width > 4) else { break };
            *widest -= 1;
        }
    }
    let line = |cells: &[String]| {
        let cut: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| fit(cell, *width)).collect();
        cut.join("  ").trim_end().to_owned() + "\n"
    };
    let headings: Vec<String> = headings.iter().map(|heading| (*heading).to_owned()).collect();
    let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let mut out = line(&headings) + &line(&rules);
    rows.iter().for_each(|row| out.push_str(&line(row)));
    out
}

/// Padded or cut to a width. Control characters would change the terminal: they are shown as `?`.
fn fit(text: &str, width: usize) -> String {
    let clean: Vec<char> = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    if clean.len() > width {
        let kept: String = clean[..width.saturating_sub(1)].iter().collect();
        return kept + "…";
    }
    let mut out: String = clean.iter().collect();
    out.push_str(&" ".repeat(width - clean.len()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_the_terminal() {
        let rows =
            [vec!["bob".to_owned(), "sip:bob@203.0.113.7:5060".to_owned()], vec!["al\u{1b}ce".into(), "x".into()]];
        assert_eq!(
            draw_within(&["user", "contact"], &rows, None),
            "user   contact\n-----  ------------------------\nbob    sip:bob@203.0.113.7:5060\nal?ce  x\n"
        );
        assert_eq!(
            draw_within(&["user", "contact"], &rows, Some(20)),
            "user   contact\n-----  -------------\nbob    sip:bob@203.…\nal?ce  x\n"
        );
    }
}
