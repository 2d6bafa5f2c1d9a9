//! The table as a picture: what authorising a request costs, one bar a row.

use crate::figures::{Figures, Spread};
use crate::rows::{ALLOW, Row};

const LINE: f64 = 26.0;
const LABELS: f64 = 240.0;
const BARS: f64 = 420.0;
const TOP: f64 = 64.0;

/// Rows whose bars stand side by side: bodies cost what their size costs.
fn shown(row: &Row) -> bool {
    row.baseline != row.name && !row.name.ends_with("iB")
}

/// An SVG document; `caption` is the lines below the bars.
pub fn draw(figures: &Figures<'_>, caption: &[String]) -> String {
    let rows: Vec<_> = figures.rows().iter().filter(|row| shown(row)).map(|row| (row, figures.over(row))).collect();
    let most = rows.iter().fold(1.0, |most: f64, (_, over)| most.max(over.high));
    let scale = BARS / most;
    let count = f64::from(u32::try_from(rows.len()).unwrap_or(u32::MAX));
    let lines = f64::from(u32::try_from(caption.len()).unwrap_or(u32::MAX));
    let (width, height) = (LABELS + BARS + 120.0, TOP + count * LINE + lines * 18.0 + 24.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"16\" y=\"26\" font-size=\"16\" font-weight=\"bold\">CPU time to authorise one request, microseconds</text>\n\
         <text x=\"16\" y=\"46\" fill=\"#555\">above the same requests without a filter; the line spans the middle half of the rounds</text>\n"
    );
    let mut y = TOP;
    for (row, Spread { median, low, high }) in rows {
        let fill = if row.name == ALLOW {
            "#0b6e4f"
        } else if row.name.starts_with("trustplane") {
            "#7fb8a4"
        } else {
            "#9aa5b1"
        };
        let x = |value: f64| LABELS + value.max(0.0) * scale;
        let middle = y + LINE / 2.0;
        svg += &format!(
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}</text>\n\
             <rect x=\"{LABELS}\" y=\"{:.0}\" width=\"{:.1}\" height=\"{:.0}\" fill=\"{fill}\"/>\n\
             <path d=\"M{:.1} {middle}H{:.1}\" stroke=\"#222\"/>\n\
             <text x=\"{:.1}\" y=\"{:.0}\">{median:.1}</text>\n",
            LABELS - 10.0,
            middle + 4.0,
            row.name,
            y + 4.0,
            x(median) - LABELS,
            LINE - 8.0,
            x(low),
            x(high),
            x(high) + 8.0,
            middle + 4.0,
        );
        y += LINE;
    }
    y += 24.0;
    for line in caption {
        svg += &format!("<text x=\"16\" y=\"{y:.0}\" fill=\"#555\" font-size=\"12\">{}</text>\n", escaped(line));
        y += 18.0;
    }
    svg + "</svg>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
